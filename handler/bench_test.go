package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabatch/lambdabatch/handler"
)

type order struct {
	ID    string  `json:"orderId"`
	Total float64 `json:"amount"`
	Note  string  `json:"note"`
}

func request(n int) []byte {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"id":"4kq9w2zt-%d","data":{"orderId":"ord-%d","amount":1249.95,"note":"leave it at the front desk"}}`, i, i)
	}
	return []byte(`{"records":[` + strings.Join(records, ",") + `]}`)
}

// BenchmarkInvoke is the whole of an invocation; BenchmarkDirect is what the user's
// function alone costs, with its JSON. The difference is the handler.
func BenchmarkInvoke(b *testing.B) {
	for _, n := range []int{1, 20, 100} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("records=%d/workers=%d", n, workers), func(b *testing.B) {
				h := handler.New(func(_ context.Context, o order) (order, error) { return o, nil }, handler.Concurrency(workers))
				payload := request(n)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := h.Invoke(b.Context(), payload); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/record")
			})
		}
	}
}

func BenchmarkDirect(b *testing.B) {
	data := []byte(`{"orderId":"ord-1","amount":1249.95,"note":"leave it at the front desk"}`)
	b.ReportAllocs()
	for b.Loop() {
		var o order
		if err := json.Unmarshal(data, &o); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(&o); err != nil {
			b.Fatal(err)
		}
	}
}

// The handler costs no more than five allocations for each record.
func TestAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate
	h := handler.New(func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil }, handler.Concurrency(1))
	payload := request(100)
	perRun := testing.AllocsPerRun(100, func() {
		if _, err := h.Invoke(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	})
	if perRecord := perRun / 100; perRecord > 5 {
		t.Errorf("%v allocations for each record", perRecord)
	}
}
