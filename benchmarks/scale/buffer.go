package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// buffer is a line of the table of WithMaxBuffered: the function hangs, and somebody
// submits records until Submit waits.
type buffer struct {
	most     int // records that may be buffered
	tenants  int // of as many tenants, 0 is none
	batchers int // by as many Batchers, which share them
	samples  []buffered
}

// buffered is what came of one run.
type buffered struct {
	heap  float64 // bytes, with the futures, which somebody holds
	still float64 // bytes that are more a tenth of a second later, with Submit still waiting
	after float64 // bytes when all is done and the Batchers are open still
}

func (b *buffer) of(what func(buffered) float64) stat.Spread { return stat.Of(b.samples, what) }

func (b *buffer) run(pool []*orders.Record) error {
	gate := &client{gate: make(chan struct{})}
	count := max(1, b.batchers)
	tenants := make([]lambdabatch.RecordOption, b.tenants)
	for i := range tenants {
		tenants[i] = lambdabatch.Tenant(fmt.Sprint("tenant-", i))
	}
	futures := make([]*future, b.most+1)
	before := settle()
	batchers, err := newBatchers(gate, count, b.most/count)
	if err != nil {
		return err
	}
	submitted := make(chan struct{})
	go func() {
		defer close(submitted)
		for i := range futures { // the last one is too many
			var options []lambdabatch.RecordOption
			if len(tenants) > 0 {
				options = tenants[i%len(tenants):][:1]
			}
			futures[i] = batchers[i%count].Submit(context.Background(), pool[i%len(pool)].Data, options...)
		}
	}()
	if err := b.fill(batchers); err != nil {
		return err
	}
	full := settle()
	time.Sleep(100 * time.Millisecond)
	later := settle()
	select {
	case <-submitted:
		return fmt.Errorf("%d records were buffered, of %d that may be", len(futures), b.most)
	default:
	}
	close(gate.gate)
	<-submitted
	for i, f := range futures {
		if err := await(f, pool[i%len(pool)]); err != nil {
			return err
		}
	}
	clear(futures)
	after := settle()
	b.samples = append(b.samples, buffered{
		heap: more(full.heap, before.heap), still: more(later.heap, full.heap), after: more(after.heap, before.heap),
	})
	return closeAll(batchers)
}

// fill waits until all buffers are full.
func (b *buffer) fill(batchers []*batcher) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		held := 0
		for _, one := range batchers {
			s := one.Stats()
			held += s.Waiting + s.InFlight
		}
		if held == b.most {
			return nil
		}
	}
	return fmt.Errorf("the buffers did not fill up to %d records", b.most)
}
