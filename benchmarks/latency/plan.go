package main

import (
	"fmt"
	"io"
	"testing" //nolint:depguard // see bubble.Main
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
)

// contests are the lines of the tables.
func (p *plan) contests() []*contest {
	var all []*contest
	for _, table := range p.tables {
		switch table {
		case lingerTable:
			for _, load := range p.loads {
				for _, linger := range p.lingers {
					all = append(all, &contest{table: table, row: lambdabatchRow(linger), load: load})
				}
			}
		case quotaTable:
			for _, load := range p.quotaLoads {
				for _, linger := range p.quotaLingers {
					all = append(all,
						&contest{table: table, row: lambdabatchRow(linger, p.quota.option), load: load},
						&contest{table: table, row: windowRow(linger, p.quota), load: load})
				}
			}
		}
	}
	return all
}

// run does what the plan says, and prints what came of it. All lines of a round have the
// same seed, so those of the same load have the same arrivals.
func (p *plan) run(t *testing.T, out, progress io.Writer) error {
	began := time.Now()
	all := p.contests()
	for round := range p.rounds {
		seed := p.seed + uint64(round)
		for i, c := range all {
			name := fmt.Sprintf("%d/%d", i, seed)
			if err := bubble.Run(t, name, func() error { return c.run(seed, p.records, p.takes) }); err != nil {
				return err
			}
		}
		fmt.Fprintf(progress, "%4.0f s  round %d of %d\n", time.Since(began).Seconds(), round+1, p.rounds)
	}
	switch {
	case p.json:
		return writeJSON(out, all)
	case p.markdown:
		p.writeMarkdown(out, all)
	default:
		p.writeTables(out, all)
	}
	return nil
}
