package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

const (
	least   = 1000   // records in the shortest stream
	pending = 10_000 // records of a stream that wait for their results: the Batcher's default
	batch   = 20     // records in a batch: the Batcher's default
	several = 1_000_000
)

// lines makes the lines of the tables.
func (p *plan) lines() {
	if slices.Contains(p.tables, streamTable) {
		for n := p.most; n >= least; n /= 10 {
			p.streams = slices.Insert(p.streams, 0, &stream{name: stat.Thousands(n) + " records", records: n, repeat: p.repeat, pending: pending})
		}
		n := min(p.most, several)
		p.streams = append(p.streams,
			&stream{name: fmt.Sprintf("%s records of %s tenants", stat.Thousands(n), stat.Thousands(p.tenants)), records: n, repeat: p.repeat, pending: batch * p.tenants, tenants: p.tenants},
			&stream{name: fmt.Sprintf("%s records, %s Batchers", stat.Thousands(n), stat.Thousands(p.batchers)), records: n, repeat: p.repeat, pending: batch * p.batchers, batchers: p.batchers},
		)
	}
	if slices.Contains(p.tables, bufferTable) {
		for _, n := range p.buffers {
			p.holds = append(p.holds, &buffer{most: n})
		}
		p.holds = append(p.holds, &buffer{most: p.tenants, tenants: p.tenants}, &buffer{most: batch * p.batchers, batchers: p.batchers})
	}
	if slices.Contains(p.tables, futuresTable) {
		for _, n := range p.futures {
			p.crowds = append(p.crowds, &crowd{futures: n}, &crowd{futures: n, do: true})
		}
	}
}

// run does what the plan says, and prints what came of it.
func (p *plan) run(out, progress io.Writer) error {
	if err := p.measure(progress); err != nil {
		return err
	}
	switch {
	case p.json:
		return p.writeJSON(out)
	case p.markdown:
		p.writeMarkdown(out)
	default:
		p.writeTables(out)
	}
	return nil
}

// measure runs all lines in each round, so that a machine that is slow for a while is
// slow for all; and in random order, so that none always follows the same one.
func (p *plan) measure(progress io.Writer) error {
	began := time.Now()
	pool := orders.Pool(poolSize, orders.Size)
	var all []func([]*orders.Record) error
	for _, s := range p.streams {
		all = append(all, s.run)
	}
	for _, b := range p.holds {
		all = append(all, b.run)
	}
	for _, c := range p.crowds {
		all = append(all, c.run)
	}
	warm := stream{records: p.repeat, pending: pending}
	if err := warm.run(pool); err != nil {
		return err
	}
	for round := range p.rounds {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, run := range all {
			if err := run(pool); err != nil {
				return err
			}
		}
		fmt.Fprintf(progress, "%4.0f s  round %d of %d\n", time.Since(began).Seconds(), round+1, p.rounds)
	}
	return nil
}
