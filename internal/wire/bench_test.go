package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

func BenchmarkValid(b *testing.B) {
	data := []byte(record)
	for name, valid := range map[string]func([]byte) bool{"wire": wire.Valid, "encoding_json": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if !valid(data) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	const n = 20
	data := []byte(record)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "4kq9w2zt-" + string(rune('a'+i))
	}
	b.Run("wire", func(b *testing.B) {
		var payload []byte
		b.ReportAllocs()
		for b.Loop() {
			payload = append(payload[:0], wire.RequestOpen...)
			for i, id := range ids {
				if i > 0 {
					payload = append(payload, wire.RequestSeparator...)
				}
				payload = wire.AppendRecord(payload, id, data)
			}
			payload = append(payload, wire.RequestClose...)
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		type item struct {
			ID   string          `json:"id"`
			Data json.RawMessage `json:"data"`
		}
		var request struct {
			Records []item `json:"records"`
		}
		for _, id := range ids {
			request.Records = append(request.Records, item{id, data})
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&request); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseResults(b *testing.B) {
	payload := document(20)
	b.Run("wire", func(b *testing.B) {
		var results []wire.Result
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var err error
			if results, err = wire.ParseResults(payload, results[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		type response struct {
			Results []struct {
				ID     string          `json:"id"`
				Status string          `json:"status"`
				Data   json.RawMessage `json:"data"`
			} `json:"results"`
		}
		b.ReportAllocs()
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var r response
			if err := json.Unmarshal(payload, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
