package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// crowd is a line of the table of futures: all are awaited at once, by a goroutine each.
type crowd struct {
	futures int
	do      bool // the goroutine has sent the record, too
	samples []crowded
}

// crowded is what came of one run, per future.
type crowded struct {
	heap, stack float64 // bytes, while all wait
	bare        float64 // bytes of stack of as many goroutines that wait for a channel
	ns          float64 // from the answer until all goroutines have their result
}

func (c *crowd) of(what func(crowded) float64) stat.Spread { return stat.Of(c.samples, what) }

// by is what the goroutines wait in.
func (c *crowd) by() string {
	if c.do {
		return "Do"
	}
	return "Await"
}

// run has a function that does not answer until all wait.
func (c *crowd) run(pool []*orders.Record) error {
	bare := bareStack(c.futures)
	gate := &client{gate: make(chan struct{})}
	batchers, err := newBatchers(gate, 1, c.futures)
	if err != nil {
		return err
	}
	before := settle()
	var all, begun sync.WaitGroup
	var mu sync.Mutex
	var first error
	begun.Add(c.futures)
	for i := range c.futures {
		r := pool[i%len(pool)]
		wait := func() error { return do(batchers[0], r) }
		if !c.do {
			f := batchers[0].Submit(context.Background(), r.Data)
			wait = func() error { return await(f, r) }
		}
		all.Go(func() {
			begun.Done()
			if err := wait(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				first = err
			}
		})
	}
	begun.Wait()
	asleep()
	if s := batchers[0].Stats(); s.Waiting+s.InFlight != c.futures {
		first = fmt.Errorf("%d of %d records wait", s.Waiting+s.InFlight, c.futures)
	}
	waiting := settle()
	began := time.Now()
	close(gate.gate)
	all.Wait()
	took := time.Since(began)
	if err := closeAll(batchers); err != nil {
		return err
	}
	if got := gate.records.Load(); first == nil && got != int64(c.futures) {
		first = fmt.Errorf("%d of %d records were handled", got, c.futures)
	}
	n := float64(c.futures)
	c.samples = append(c.samples, crowded{
		heap: more(waiting.heap, before.heap) / n, stack: more(waiting.stack, before.stack) / n, bare: bare, ns: float64(took.Nanoseconds()) / n,
	})
	return first
}

// bareStack is what a goroutine that waits has of stack, whatever it waits for.
func bareStack(n int) float64 {
	before := settle()
	gate, ctx := make(chan struct{}), context.Background()
	var all, begun sync.WaitGroup
	begun.Add(n)
	for range n {
		all.Go(func() {
			begun.Done()
			select {
			case <-gate:
			case <-ctx.Done():
			}
		})
	}
	begun.Wait()
	asleep()
	waiting := settle()
	close(gate)
	all.Wait()
	return more(waiting.stack, before.stack) / float64(n)
}

// asleep gives those who have begun the time to wait.
func asleep() {
	for range 100 {
		runtime.Gosched()
	}
	<-time.After(20 * time.Millisecond)
}
