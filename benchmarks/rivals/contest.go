package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// contest is a row with one size of batches and one number of producers.
type contest struct {
	row              row
	batch, producers int
	samples          []sample
}

// sample is what came of one run, per record.
type sample struct {
	ns, allocs, bytes float64
	perBatch          float64 // records in a batch, on average
}

// contests are all that the flags ask for, row by row.
func (p *plan) contests() []*contest {
	var all []*contest
	for _, r := range p.rows {
		for _, batch := range p.batches {
			for _, producers := range p.producers {
				all = append(all, &contest{row: r, batch: batch, producers: producers})
			}
		}
	}
	return all
}

// run runs the contest once with n records.
func (c *contest) run(pool []*record, n int) (sample, error) {
	s := &sink{}
	got, err := c.measure(&course{c.batch, c.producers, n, pool, s})
	if err == nil && s.handled.Load() != int64(n) {
		err = fmt.Errorf("%d of %d records were handled", s.handled.Load(), n)
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s, batch %d, %d producers: %w", c.row.name, c.batch, c.producers, err)
	}
	got.perBatch = float64(n) / float64(s.batches.Load())
	return got, nil
}

// measure begins with an empty heap, so that no row collects what another has left.
func (c *contest) measure(co *course) (sample, error) {
	push, err := c.row.start(co)
	if err != nil {
		return sample{}, err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	err = push()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	n := float64(co.records)
	return sample{
		ns:     float64(took.Nanoseconds()) / n,
		allocs: float64(after.Mallocs-before.Mallocs) / n,
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, err
}

// of is what one number of the samples was in the rounds.
func (c *contest) of(what func(sample) float64) stat.Spread { return stat.Of(c.samples, what) }

func (c *contest) ns() stat.Spread       { return c.of(func(s sample) float64 { return s.ns }) }
func (c *contest) allocs() stat.Spread   { return c.of(func(s sample) float64 { return s.allocs }) }
func (c *contest) bytes() stat.Spread    { return c.of(func(s sample) float64 { return s.bytes }) }
func (c *contest) perBatch() stat.Spread { return c.of(func(s sample) float64 { return s.perBatch }) }
