package decode_test

import (
	"encoding/json"
	"testing"

	"github.com/lambdabatch/lambdabatch/internal/decode"
)

type order struct {
	Number uint64 `json:"number"`
	Item   string `json:"item"`
	Count  int    `json:"count"`
	Cents  int    `json:"cents"`
	Gift   bool   `json:"gift"`
	Note   string `json:"note"`
}

const orderJSON = `{"number":10000001,"item":"Darjeeling first flush","count":3,"cents":1895,"gift":true,` +
	`"note":"Please leave it with the neighbours if nobody answers the door; the bell is out of order, knock twice."}`

func BenchmarkDecode(b *testing.B) {
	d := decode.New[order]()
	for name, read := range map[string]func([]byte, *order) error{
		"decode":        d.Decode,
		"encoding_json": func(data []byte, out *order) error { return json.Unmarshal(data, out) },
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(orderJSON)
			out := new(order)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				*out = order{}
				if err := read(data, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
