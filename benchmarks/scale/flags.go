package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const usage = `usage: scale [flags]

Pushes records through Batchers, and prints what one record takes: without -json and
-markdown as tables. How far things are goes to standard error.

A table is one of: %s.

`

// The tables.
const (
	streamTable  = "stream"  // how many records go through
	bufferTable  = "buffer"  // how many wait
	futuresTable = "futures" // how many are awaited at once
)

var tables = []string{streamTable, bufferTable, futuresTable}

// plan is what the flags ask for.
type plan struct {
	tables   []string
	most     int
	tenants  int
	batchers int
	buffers  []int
	futures  []int
	repeat   int
	rounds   int
	json     bool
	markdown bool

	streams []*stream
	holds   []*buffer
	crowds  []*crowd
}

func parse(args []string, help io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p := &plan{}
	flags.IntVar(&p.rounds, "rounds", 3, "`number` of runs of each line; a round has one of each, in random order")
	flags.IntVar(&p.most, "most", 10_000_000, "`records` in the longest stream; the others have a tenth each, down to a thousand")
	flags.IntVar(&p.repeat, "repeat", 100_000, "`records` that a stream has in a round at the least; shorter ones run several times")
	flags.IntVar(&p.tenants, "tenants", 10_000, "`number` of tenants")
	flags.IntVar(&p.batchers, "batchers", 1000, "`number` of Batchers on one limiter")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	flags.BoolVar(&p.markdown, "markdown", false, "print the tables of the README")
	names := flags.String("tables", strings.Join(tables, ","), "`names` of tables, comma between")
	buffers := flags.String("buffers", "1000,10000,100000,1000000", "`numbers` of records that may be buffered, comma between")
	futures := flags.String("futures", "1000,10000,100000", "`numbers` of futures that are awaited at once, comma between")
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
	var errs [3]error
	p.tables, errs[0] = chooseTables(*names)
	p.buffers, errs[1] = parseNumbers("buffers", *buffers)
	p.futures, errs[2] = parseNumbers("futures", *futures)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	switch {
	case p.rounds < 1:
		return nil, fmt.Errorf("-rounds %d: must be at least 1", p.rounds)
	case p.repeat < 1:
		return nil, fmt.Errorf("-repeat %d: must be at least 1", p.repeat)
	case p.most < least:
		return nil, fmt.Errorf("-most %d: must be at least %d", p.most, least)
	case p.tenants < 1 || p.batchers < 1:
		return nil, errors.New("-tenants, -batchers: must be at least 1")
	case p.json && p.markdown:
		return nil, errors.New("-json and -markdown: only one of them")
	}
	p.lines()
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

// mostAtOnce is how many records may wait: so many take 5 GB.
const mostAtOnce = 10_000_000

func parseNumbers(name, list string) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > mostAtOnce {
			return nil, fmt.Errorf("-%s %s: must be numbers from 1 to %d", name, list, mostAtOnce)
		}
		out = append(out, n)
	}
	return out, nil
}
