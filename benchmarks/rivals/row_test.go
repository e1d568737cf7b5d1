package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// TestRows has each row carry some records: each must be handled once, and a result
// that is not its record's is an error of the run.
func TestRows(t *testing.T) {
	t.Parallel()
	pool := newPool()
	for _, r := range rows() {
		for _, batch := range []int{1, 20, 1000} {
			for _, producers := range []int{1, 8} {
				t.Run(fmt.Sprintf("%s/%d/%d", r.name, batch, producers), func(t *testing.T) {
					t.Parallel()
					s := &sink{seen: make([]atomic.Int32, poolSize)}
					co := &course{batch, producers, 4999, pool, s} // the last batch is not full
					c := &contest{row: r, batch: batch, producers: producers}
					got, err := c.measure(co)
					if err != nil {
						t.Fatal(err)
					}
					if got.ns <= 0 {
						t.Errorf("%+v", got)
					}
					if n := s.handled.Load(); n != 4999 {
						t.Errorf("%d records were handled", n)
					}
					if n := s.batches.Load(); n < int64(4999/batch) {
						t.Errorf("%d batches: they are too large", n)
					}
					for p := range producers {
						for i, r := range co.share(p) {
							times := int32(0)
							for turn := i; turn < co.part(p); turn += len(co.share(p)) {
								times++
							}
							if n := s.seen[r.Number-orders.First].Load(); n != times {
								t.Fatalf("record %d was handled %d times, not %d", r.Number, n, times)
							}
						}
					}
				})
			}
		}
	}
}

func TestRowsAreTold(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, r := range rows() {
		if seen[r.name] || r.does == "" || strings.Contains(r.does, "|") {
			t.Errorf("%+v", r)
		}
		seen[r.name] = true
		if r.version() == "" {
			t.Errorf("%s has no version", r.name)
		}
	}
}
