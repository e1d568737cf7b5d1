package sqsbatch_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

// latencies are how long messages took from their arrival in the queue to their result.
type latencies struct {
	mu  sync.Mutex // protects following
	all []time.Duration
}

func newLatencies() *latencies { return new(latencies) }

func (l *latencies) result(_ context.Context, m sqsbatch.Message, _ string, err error) error {
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, time.Since(m.Sent))
	return nil
}

func (l *latencies) percentile(p float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.all)
	return l.all[int(p*float64(len(l.all)-1))]
}
