package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"slices"
	"time"
)

// run does what the plan says, and prints what came of it.
func (p *plan) run(out, progress io.Writer) error {
	all := p.contests()
	if err := p.measure(all, progress); err != nil {
		return err
	}
	var err error
	switch {
	case p.json:
		err = writeJSON(out, all)
	case p.markdown:
		p.writeMarkdown(out, all)
	default:
		writeTable(out, all)
	}
	if p.svg != "" { // after the rest, which took long and is not to be lost if this fails
		err = errors.Join(err, os.WriteFile(p.svg, []byte(p.plot(all)), 0o644)) //nolint:gosec // a plot is for everybody
	}
	return err
}

// measure runs all contests in each round, so that a machine that is slow for a while is
// slow for all rows; and in random order, so that none always follows the same one.
func (p *plan) measure(all []*contest, progress io.Writer) (err error) {
	began := time.Now()
	pool := newPool()
	for _, c := range all {
		if _, err := c.run(pool, max(1, p.records/20)); err != nil {
			return err
		}
	}
	fmt.Fprintf(progress, "%4.0f s  warm\n", time.Since(began).Seconds())
	if p.profile != "" {
		stop, err := profile(p.profile)
		if err != nil {
			return err
		}
		defer func() {
			if stopped := stop(); err == nil {
				err = stopped
			}
		}()
	}
	order := slices.Clone(all)
	for round := range p.rounds {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, c := range order {
			s, err := c.run(pool, p.records)
			if err != nil {
				return err
			}
			c.samples = append(c.samples, s)
		}
		fmt.Fprintf(progress, "%4.0f s  round %d of %d\n", time.Since(began).Seconds(), round+1, p.rounds)
	}
	return nil
}

// profile begins a CPU profile.
func profile(name string) (stop func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
