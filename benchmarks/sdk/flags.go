package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

const usage = `usage: sdk [flags]

Sends records by the SDK's client over TLS to a server in a process of its own, and
prints what a record takes: without -json and -markdown as tables. How far things are
goes to standard error.

A table is one of: %s.

`

// The tables.
const (
	rowsTable     = "rows"     // what sends, and batches of which size
	inflightTable = "inflight" // lambdabatch, invocations at a time
	payloadTable  = "payload"  // lambdabatch, sizes of records and payloads
)

var tables = []string{rowsTable, inflightTable, payloadTable}

// plan is what the flags ask for.
type plan struct {
	tables   []string
	batches  []int
	inFlight int
	callers  int
	flights  []int
	sizes    []int
	payloads []int
	server   serverSettings
	rounds   int
	length   time.Duration
	json     bool
	markdown bool
	profile  string // a file
}

func parse(args []string, help io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("sdk", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p := &plan{}
	flags.IntVar(&p.rounds, "rounds", 5, "`number` of runs of each line; a round has one of each, in random order")
	flags.DurationVar(&p.length, "time", 3*time.Second, "`length` of a run")
	flags.DurationVar(&p.server.Delay, "delay", 0, "`time` that the function takes")
	flags.IntVar(&p.server.HTTP, "http", 2, "`version` of HTTP that the server offers: 1 or 2")
	flags.IntVar(&p.inFlight, "inflight", 8, "`number` of invocations at a time, of the batchers")
	flags.IntVar(&p.callers, "callers", 64, "`number` of goroutines that make an Invoke for each record")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	flags.BoolVar(&p.markdown, "markdown", false, "print the tables of the README")
	flags.StringVar(&p.profile, "cpuprofile", "", "write the CPU profiles of all runs, merged, to this `file`")
	names := flags.String("tables", strings.Join(tables, ","), "`names` of tables, comma between")
	batches := flags.String("batches", "20,100,1000", "`sizes` of a batch, comma between")
	flights := flags.String("flights", "1,2,4,8,16,32,64", "`numbers` of invocations at a time, for the table inflight")
	sizes := flags.String("sizes", "1024,10240,102400", "`bytes` of a record, for the table payload")
	payloads := flags.String("payloads", "100000,1000000,6291456", "`bytes` of a payload at the most, for the table payload")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // FlagSet returns it bare
			fmt.Fprintf(help, usage, strings.Join(tables, ", "))
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var errs [5]error
	p.tables, errs[0] = chooseTables(*names)
	p.batches, errs[1] = parseNumbers("batches", *batches, 1, 10_000)
	p.flights, errs[2] = parseNumbers("flights", *flights, 1, 1000)
	p.sizes, errs[3] = parseNumbers("sizes", *sizes, orders.Size, 1<<20)
	p.payloads, errs[4] = parseNumbers("payloads", *payloads, 1<<10, 6<<20)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	switch {
	case p.rounds < 1:
		return nil, fmt.Errorf("-rounds %d: must be at least 1", p.rounds)
	case p.length < 10*time.Millisecond:
		return nil, fmt.Errorf("-time %v: must be at least 10ms", p.length)
	case p.server.Delay < 0:
		return nil, fmt.Errorf("-delay %v: must not be negative", p.server.Delay)
	case p.server.HTTP != 1 && p.server.HTTP != 2:
		return nil, fmt.Errorf("-http %d: must be 1 or 2", p.server.HTTP)
	case p.inFlight < 1 || p.callers < 1:
		return nil, errors.New("-inflight, -callers: must be at least 1")
	case p.json && p.markdown:
		return nil, errors.New("-json and -markdown: only one of them")
	}
	return p, nil
}

func chooseTables(list string) ([]string, error) {
	var chosen []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(tables, name) {
			return nil, fmt.Errorf("-tables %s: there are: %s", name, strings.Join(tables, ", "))
		}
		chosen = append(chosen, name)
	}
	return chosen, nil
}

func parseNumbers(name, list string, least, most int) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("-%s %s: must be numbers from %d to %d", name, list, least, most)
		}
		out = append(out, n)
	}
	return out, nil
}
