package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/table"
)

// result is a contest as JSON.
type result struct {
	Table         string      `json:"table"`
	Name          string      `json:"name"`
	Load          float64     `json:"records_per_second"`
	LingerMS      float64     `json:"linger_ms"`
	P50           stat.Spread `json:"added_ms_p50"`
	P99           stat.Spread `json:"added_ms_p99"`
	P999          stat.Spread `json:"added_ms_p99_9"`
	PerInvocation stat.Spread `json:"records_per_invocation"`
	PerSecond     stat.Spread `json:"invocations_per_second"`
	Rounds        int         `json:"rounds"`
}

func results(all []*contest) []result {
	out := make([]result, 0, len(all))
	for _, c := range all {
		out = append(out, result{
			c.table, c.row.name, c.load, c.row.linger.Seconds() * 1000,
			c.of(func(s sample) float64 { return s.p50 }),
			c.of(func(s sample) float64 { return s.p99 }),
			c.of(func(s sample) float64 { return s.p999 }),
			c.of(func(s sample) float64 { return s.perInvocation }),
			c.of(func(s sample) float64 { return s.perSecond }),
			len(c.samples),
		})
	}
	return out
}

func writeJSON(out io.Writer, all []*contest) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(results(all))
}

// printed is what is printed, as text or as Markdown.
func (p *plan) printed(all []*contest) []*table.Table {
	var printed []*table.Table
	for _, name := range p.tables {
		var some []result
		for _, r := range results(all) {
			if r.Table == name {
				some = append(some, r)
			}
		}
		if name == lingerTable {
			printed = append(printed, printLingers(some))
		} else {
			printed = append(printed, p.printQuota(some))
		}
	}
	return printed
}

func printLingers(all []result) *table.Table {
	t := &table.Table{Head: []string{"records a second", "linger", "p50 ms", "p99 ms", "p99.9 ms", "records an invocation", "invocations a second"}}
	for _, r := range all {
		t.Add(stat.Short(r.Load), r.linger(), r.P50.String(), r.P99.String(), r.P999.String(), stat.Short(r.PerInvocation.Median), stat.Short(r.PerSecond.Median))
	}
	return t
}

// printQuota has a Batcher and the other one side by side: every second result is the
// other's.
func (p *plan) printQuota(all []result) *table.Table {
	t := &table.Table{Head: []string{
		"records a second", "linger", "**permit first**: p50 ms", "p99 ms", "records an invocation", "**window first**: p50 ms", "p99 ms", "records an invocation",
	}}
	for i := 0; i+1 < len(all); i += 2 {
		cells := []string{stat.Short(all[i].Load), all[i].linger()}
		for _, r := range all[i : i+2] {
			if r.PerSecond.Median > p.quota.perSecond*tooMany {
				cells = append(cells, "∞", "∞", fmt.Sprintf("%s, %s a second", stat.Short(r.PerInvocation.Median), stat.Short(r.PerSecond.Median)))
				continue
			}
			cells = append(cells, r.P50.String(), r.P99.String(), stat.Short(r.PerInvocation.Median))
		}
		t.Add(cells...)
	}
	return t
}

// tooMany is from when on more invocations are wanted than the quota allows: what is
// sealed waits in a line that grows as long as records arrive, and so do latencies. The
// rest is what a burst may be more.
const tooMany = 1.03

func (r result) linger() string {
	return time.Duration(r.LingerMS * float64(time.Millisecond)).String()
}

func (p *plan) writeTables(out io.Writer, all []*contest) {
	for _, t := range p.printed(all) {
		t.WriteText(out)
		fmt.Fprintln(out)
	}
}

func (p *plan) writeMarkdown(out io.Writer, all []*contest) {
	for _, t := range p.printed(all) {
		t.WriteMarkdown(out)
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "Median (least–most) of %d rounds of %s records, seeds from %d; the function takes %v; simulated time; %s.\n",
		p.rounds, stat.Thousands(p.records), p.seed, p.takes, runtime.Version())
}
