package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/table"
)

// writeMarkdown writes the tables, one after the other.
func (p *plan) writeMarkdown(out io.Writer, all []*contest) {
	results := results(all)
	for _, table := range p.tables {
		switch table {
		case rowsTable:
			writeRows(out, results)
		case inflightTable:
			writeFlights(out, results)
		case payloadTable:
			writePayloads(out, results)
		}
		fmt.Fprintln(out)
	}
	takes := "answers at once"
	if p.server.Delay > 0 {
		takes = "takes " + p.server.Delay.String()
	}
	fmt.Fprintf(out, "Median (least–most) of %d rounds of %v each; the function %s; TLS, HTTP/%d; %s, %s/%s, GOMAXPROCS %d, AWS SDK core v%s.\n",
		p.rounds, p.length, takes, p.server.HTTP, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), aws.SDKVersion)
}

// of are the results of one table.
func of(table string, all []result) []result {
	var some []result
	for _, r := range all {
		if r.Table == table {
			some = append(some, r)
		}
	}
	return some
}

// writeRows writes two tables: what a record takes, and whose CPU time it is.
func writeRows(out io.Writer, all []result) {
	whole := table.Table{Head: []string{
		"", "CPU µs a record", "times less", "records a second", "records an invocation", "allocs a record", "bytes a record", "connections made",
	}}
	whose := table.Table{Head: []string{"CPU µs a record"}}
	for _, o := range owners {
		whose.Head = append(whose.Head, string(o))
	}
	for _, r := range of(rowsTable, all) {
		name := r.Name
		if r.MaxRecords > 1 {
			name = fmt.Sprintf("%s, batch %s", name, stat.Thousands(r.MaxRecords))
		}
		if r.Name == lambdabatchRow().name {
			name = "**" + name + "**"
		}
		whole.Add(name, r.CPU.String(), stat.Short(r.TimesLess), r.PerSecond.String(), stat.Short(r.PerInvocation), stat.Short(r.Allocs),
			stat.Short(r.Bytes), stat.Short(r.Connections))
		cells := []string{name}
		for _, o := range owners {
			cells = append(cells, part(r, o))
		}
		whose.Add(cells...)
	}
	whole.WriteMarkdown(out)
	fmt.Fprintln(out)
	whose.WriteMarkdown(out)
}

func writeFlights(out io.Writer, all []result) {
	t := table.Table{Head: []string{"in flight", "CPU µs a record", "records a second", "records an invocation", "allocs a record", "of CPU lambdabatch"}}
	for _, r := range of(inflightTable, all) {
		t.Add(strconv.Itoa(r.InFlight), r.CPU.String(), r.PerSecond.String(), stat.Short(r.PerInvocation), stat.Short(r.Allocs), part(r, library))
	}
	t.WriteMarkdown(out)
}

func writePayloads(out io.Writer, all []result) {
	t := table.Table{Head: []string{"a record", "a payload", "records an invocation", "CPU µs a record", "times less", "MB a second", "allocs a record", "of CPU lambdabatch"}}
	for _, r := range of(payloadTable, all) {
		name := stat.Thousands(r.RecordBytes) + " bytes"
		if r.Name == oneRow().name {
			name += ", " + r.Name
		}
		t.Add(name, stat.Thousands(int(r.Payload)), stat.Short(r.PerInvocation), r.CPU.String(), stat.Short(r.TimesLess),
			stat.Short(r.PerSecond.Median*float64(r.RecordBytes)/1e6), stat.Short(r.Allocs), part(r, library))
	}
	t.WriteMarkdown(out)
}

// part is an owner's of the CPU time: in µs a record, and in percent.
func part(r result, o owner) string {
	if r.Shares[o] == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f (%.0f %%)", r.Shares[o]*r.CPU.Median, 100*r.Shares[o])
}
