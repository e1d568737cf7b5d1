package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// contest is a row at a load. It is a line of one of the tables.
type contest struct {
	table   string
	row     row
	load    float64 // records a second
	samples []sample
}

// sample is what came of one run.
type sample struct {
	p50, p99, p999 float64 // ms that Do took longer than the function
	perInvocation  float64 // records in an invocation
	perSecond      float64 // invocations in a second
}

func (c *contest) of(what func(sample) float64) stat.Spread { return stat.Of(c.samples, what) }

// warmup is how long records arrive before they count: a burst is used up by then, and a
// limiter has found its way.
const warmup = 10 * time.Second

// run runs the contest once, in a bubble, until n records have been counted.
func (c *contest) run(seed uint64, n int, takes time.Duration) error {
	m := &meter{counting: time.Now().Add(warmup)}
	d, err := c.row.start(&client{takes: takes, seen: m.invoked})
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	pool := orders.Pool(1000, orders.Size)
	ctx := context.Background()
	var all sync.WaitGroup
	next, counted := time.Now(), 0
	for i := 0; counted < n; i++ {
		next = next.Add(time.Duration(random.ExpFloat64() / c.load * float64(time.Second)))
		time.Sleep(time.Until(next))
		counts := !time.Now().Before(m.counting)
		if counts {
			counted++
		}
		r := pool[i%len(pool)]
		all.Go(func() {
			began := time.Now()
			err := d.do(ctx, r)
			m.done(counts, time.Since(began)-takes, err)
		})
	}
	lasted := time.Since(m.counting)
	all.Wait()
	if err := errors.Join(m.err, d.close()); err != nil {
		return fmt.Errorf("%s, %v, %v records a second: %w", c.row.name, c.row.linger, c.load, err)
	}
	if len(m.added) != n {
		return fmt.Errorf("%d of %d records came back", len(m.added), n)
	}
	c.samples = append(c.samples, m.sample(lasted))
	return nil
}

// meter gathers what a run says.
type meter struct {
	counting time.Time // from when on

	mu                   sync.Mutex // protects following
	added                []time.Duration
	invocations, records int
	err                  error
}

func (m *meter) invoked(records int) {
	if time.Now().Before(m.counting) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.invocations++
	m.records += records
}

func (m *meter) done(counts bool, added time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if counts {
		m.added = append(m.added, added)
	}
	if err != nil && m.err == nil {
		m.err = err
	}
}

// sample says what came of a run in which records arrived for so long. Invocations a
// second are those that as many records need at that fill.
func (m *meter) sample(lasted time.Duration) sample {
	slices.Sort(m.added)
	ms := func(part float64) float64 { return stat.Quantile(m.added, part).Seconds() * 1000 }
	fill := float64(m.records) / float64(m.invocations)
	return sample{ms(0.5), ms(0.99), ms(0.999), fill, float64(len(m.added)) / fill / lasted.Seconds()}
}
