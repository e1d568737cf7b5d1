package main

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// row is a way to send records.
type row struct {
	name  string
	start func(*course) (*sender, error)
}

// course is what is asked of a row.
type course struct {
	records  int // in a batch
	bytes    int // in a payload, 0 is Lambda's limit
	inFlight int // invocations at a time
	size     int // of a record
	server   *process
}

// pending is how many records wait for their results at the most: twice what can be in
// flight, so that batches are full.
func (c *course) pending() int {
	batch := c.records
	if c.bytes > 0 {
		batch = min(batch, c.bytes/c.size+1)
	}
	return max(2*batch*c.inFlight, 64*producers)
}

// producers is how many goroutines submit records to a batcher.
const producers = 8

// sender is a row that has started. A slot is one of those who send at the same time:
// each has records of its own.
type sender struct {
	slots int
	// push sends records, one after the other, until stop, and returns how many came
	// back right.
	push   func(next func() *orders.Record, stop *atomic.Bool) (int, error)
	finish func() error
}

// run has all slots push until stop, and returns the number of records.
func (s *sender) run(pool []*orders.Record, stop *atomic.Bool) (int, error) {
	var all sync.WaitGroup
	var n atomic.Int64
	var once sync.Once
	var first error
	for slot := range s.slots {
		all.Go(func() {
			at := slot * len(pool) / s.slots
			got, err := s.push(func() *orders.Record {
				r := pool[at%len(pool)]
				at++
				return r
			}, stop)
			n.Add(int64(got))
			if err != nil {
				stop.Store(true)
				once.Do(func() { first = err })
			}
		})
	}
	all.Wait()
	return int(n.Load()), first
}

// pushes is push for what has a submit and an await: each slot has window records
// pending. flush, if there is one, is called before the last ones are awaited.
func pushes[T any](window int, submit func(*orders.Record) T, await func(T) (orders.Order, error), flush func() error) func(func() *orders.Record, *atomic.Bool) (int, error) {
	return func(next func() *orders.Record, stop *atomic.Bool) (int, error) {
		type waiting struct {
			record *orders.Record
			result T
		}
		ring := make([]waiting, window)
		submitted, done := 0, 0
		awaitOne := func() error {
			w := &ring[done%window]
			out, err := await(w.result)
			if err == nil {
				err = check(out, w.record)
			}
			done++
			return err
		}
		for !stop.Load() {
			if submitted-done == window {
				if err := awaitOne(); err != nil {
					return done, err
				}
			}
			r := next()
			ring[submitted%window] = waiting{r, submit(r)}
			submitted++
		}
		if flush != nil {
			if err := flush(); err != nil {
				return done, err
			}
		}
		for done < submitted {
			if err := awaitOne(); err != nil {
				return done, err
			}
		}
		return done, nil
	}
}

// check is what is asked of each result: that it is this record's.
func check(got orders.Order, r *orders.Record) error {
	if got.Number != r.Number {
		return fmt.Errorf("the result of record %d is that of %d", r.Number, got.Number)
	}
	return nil
}
