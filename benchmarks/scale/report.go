package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/table"
)

// results are all tables as JSON.
type results struct {
	RecordBytes int            `json:"record_bytes"`
	Rounds      int            `json:"rounds"`
	Stream      []streamResult `json:"stream,omitempty"`
	Buffer      []bufferResult `json:"buffer,omitempty"`
	Futures     []crowdResult  `json:"futures,omitempty"`
}

type streamResult struct {
	Name          string      `json:"name"`
	Records       int         `json:"records"`
	Pending       int         `json:"pending"`
	Tenants       int         `json:"tenants,omitempty"`
	Batchers      int         `json:"batchers"`
	NS            stat.Spread `json:"ns_per_record"`
	Allocs        stat.Spread `json:"allocs_per_record"`
	Bytes         stat.Spread `json:"bytes_per_record"`
	PerInvocation stat.Spread `json:"records_per_invocation"`
	Left          stat.Spread `json:"bytes_left"` // in all
}

type bufferResult struct {
	Records   int         `json:"records"`
	Tenants   int         `json:"tenants,omitempty"`
	Batchers  int         `json:"batchers"`
	Heap      stat.Spread `json:"heap_bytes"`
	PerRecord stat.Spread `json:"heap_bytes_per_record"`
	Still     stat.Spread `json:"growth_bytes"`
	After     stat.Spread `json:"bytes_left"`
}

type crowdResult struct {
	Futures int         `json:"futures"`
	By      string      `json:"by"`
	Heap    stat.Spread `json:"heap_bytes_per_future"`
	Stack   stat.Spread `json:"stack_bytes_per_future"`
	Bare    stat.Spread `json:"stack_bytes_per_bare_goroutine"`
	NS      stat.Spread `json:"ns_per_future"`
}

func (p *plan) results() results {
	r := results{RecordBytes: orders.Size, Rounds: p.rounds}
	for _, s := range p.streams {
		r.Stream = append(r.Stream, streamResult{
			s.name, s.records, s.pending, s.tenants, max(1, s.batchers),
			s.of(func(g streamed) float64 { return g.ns }),
			s.of(func(g streamed) float64 { return g.allocs }),
			s.of(func(g streamed) float64 { return g.bytes }),
			s.of(func(g streamed) float64 { return g.perInvocation }),
			s.of(func(g streamed) float64 { return g.left }),
		})
	}
	for _, b := range p.holds {
		r.Buffer = append(r.Buffer, bufferResult{
			b.most, b.tenants, max(1, b.batchers),
			b.of(func(g buffered) float64 { return g.heap }),
			b.of(func(g buffered) float64 { return g.heap / float64(b.most) }),
			b.of(func(g buffered) float64 { return g.still }),
			b.of(func(g buffered) float64 { return g.after }),
		})
	}
	for _, c := range p.crowds {
		r.Futures = append(r.Futures, crowdResult{
			c.futures, c.by(),
			c.of(func(g crowded) float64 { return g.heap }),
			c.of(func(g crowded) float64 { return g.stack }),
			c.of(func(g crowded) float64 { return g.bare }),
			c.of(func(g crowded) float64 { return g.ns }),
		})
	}
	return r
}

func (p *plan) writeJSON(out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(p.results())
}

// printed is what is printed, as text or as Markdown.
func (p *plan) printed() []table.Table {
	r := p.results()
	var all []table.Table
	if len(r.Stream) > 0 {
		t := table.Table{Head: []string{"", "pending", "ns a record", "allocs a record", "bytes a record", "records an invocation", "KB left in the end"}}
		for _, s := range r.Stream {
			t.Add(
				s.Name, stat.Thousands(s.Pending), s.NS.String(), stat.Short(s.Allocs.Median), stat.Short(s.Bytes.Median), stat.Short(s.PerInvocation.Median), kb(s.Left),
			)
		}
		all = append(all, t)
	}
	if len(r.Buffer) > 0 {
		t := table.Table{Head: []string{"buffered", "KB in use", "bytes a record", "KB more after 0.1 s", "KB left in the end"}}
		for _, b := range r.Buffer {
			name := stat.Thousands(b.Records)
			switch {
			case b.Tenants > 0:
				name += ", of " + stat.Thousands(b.Tenants) + " tenants"
			case b.Batchers > 1:
				name += ", in " + stat.Thousands(b.Batchers) + " Batchers"
			}
			t.Add(name, kb(b.Heap), b.PerRecord.String(), kb(b.Still), kb(b.After))
		}
		all = append(all, t)
	}
	if len(r.Futures) > 0 {
		t := table.Table{Head: []string{"futures awaited", "by", "heap bytes each", "stack bytes each", "stack of a bare goroutine", "ns each until all have their result"}}
		for _, c := range r.Futures {
			t.Add(stat.Thousands(c.Futures), c.By, stat.Short(c.Heap.Median), stat.Short(c.Stack.Median), stat.Short(c.Bare.Median), c.NS.String())
		}
		all = append(all, t)
	}
	return all
}

func kb(s stat.Spread) string { return stat.Short(s.Median / 1000) }

func (p *plan) writeTables(out io.Writer) {
	for i, t := range p.printed() {
		if i > 0 {
			fmt.Fprintln(out)
		}
		t.WriteText(out)
	}
}
