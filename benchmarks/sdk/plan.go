package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// contests are the lines of the tables.
func (p *plan) contests(server *process) []*contest {
	var all []*contest
	add := func(table string, r row, c course) {
		c.server = server
		all = append(all, &contest{table: table, row: r, course: c})
	}
	for _, table := range p.tables {
		switch table {
		case rowsTable:
			single := course{records: 1, inFlight: p.callers, size: orders.Size}
			add(table, oneRow(), single)
			add(table, oneTunedRow(), single)
			for _, r := range []row{handwrittenRow(), lambdabatchRow()} {
				for _, n := range p.batches {
					add(table, r, course{records: n, inFlight: p.inFlight, size: orders.Size})
				}
			}
		case inflightTable:
			for _, n := range p.flights {
				add(table, lambdabatchRow(), course{records: defaultBatch, inFlight: n, size: orders.Size})
			}
		case payloadTable:
			for _, size := range p.sizes {
				add(table, oneRow(), course{records: 1, inFlight: p.callers, size: size})
				for _, payload := range p.payloads {
					if payload > size+overhead {
						add(table, lambdabatchRow(), course{records: payload, bytes: payload, inFlight: payloadFlight, size: size})
					}
				}
			}
		}
	}
	return all
}

const (
	defaultBatch  = 20 // records, the Batcher's default
	payloadFlight = 4  // invocations at a time of up to 6 MB
	overhead      = 64 // of a request with one record, or a bit more
)

// run does what the plan says, and prints what came of it.
func (p *plan) run(out, progress io.Writer) (err error) {
	server, err := start(p.server)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	all := p.contests(server)
	if err := p.measure(all, progress); err != nil {
		return err
	}
	if p.profile != "" {
		if err := writeProfile(p.profile, all); err != nil {
			return err
		}
	}
	switch {
	case p.json:
		return writeJSON(out, all)
	case p.markdown:
		p.writeMarkdown(out, all)
	default:
		writeTables(out, all)
	}
	return nil
}

// writeProfile writes the profiles of all runs as one.
func writeProfile(name string, all []*contest) error {
	var profiles []*profile.Profile
	for _, c := range all {
		profiles = append(profiles, c.profiles...)
	}
	merged, err := profile.Merge(profiles)
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(merged.Write(f), f.Close())
}

// measure runs all contests in each round, so that a machine that is slow for a while is
// slow for all; and in random order, so that none always follows the same one.
func (p *plan) measure(all []*contest, progress io.Writer) error {
	began := time.Now()
	order := slices.Clone(all)
	for round := range p.rounds {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, c := range order {
			if err := c.run(p.length); err != nil {
				return err
			}
		}
		fmt.Fprintf(progress, "%4.0f s  round %d of %d\n", time.Since(began).Seconds(), round+1, p.rounds)
	}
	return nil
}
