package main

import (
	"sync/atomic"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// sink is where batches end: the function that does nothing but count.
type sink struct {
	handled, batches atomic.Int64
	seen             []atomic.Int32 // by record, in tests; nil does not look
}

// take handles a batch.
func (s *sink) take(batch []*record) {
	s.count(len(batch))
	if s.seen == nil {
		return
	}
	for _, r := range batch {
		s.see(r.Number)
	}
}

// count counts a batch of n records.
func (s *sink) count(n int) {
	s.handled.Add(int64(n))
	s.batches.Add(1)
}

func (s *sink) see(number uint64) { s.seen[number-orders.First].Add(1) }
