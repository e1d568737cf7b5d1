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
)

const usage = `usage: latency [flags]

Sends records one by one, at random instants of simulated time, and prints how much
longer Do takes than the function: without -json and -markdown as tables. How far
things are goes to standard error.

A table is one of: %s.

`

// The tables.
const (
	lingerTable = "linger" // how long a record waits for company
	quotaTable  = "quota"  // how long for leave
)

var tables = []string{lingerTable, quotaTable}

// plan is what the flags ask for.
type plan struct {
	tables       []string
	loads        []float64
	lingers      []time.Duration
	quota        quota
	quotaLoads   []float64
	quotaLingers []time.Duration
	takes        time.Duration
	records      int
	rounds       int
	seed         uint64
	json         bool
	markdown     bool
}

func parse(args []string, help io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("latency", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p := &plan{}
	flags.IntVar(&p.rounds, "rounds", 5, "`number` of runs of each line, with a seed each")
	flags.Uint64Var(&p.seed, "first-seed", 101, "first `seed`")
	flags.IntVar(&p.records, "n", 20_000, "`records` in a run, after those of the first 10 s")
	flags.DurationVar(&p.takes, "takes", 20*time.Millisecond, "`time` that the function takes")
	flags.Float64Var(&p.quota.perSecond, "rate", 8, "`invocations` a second, for the table quota")
	flags.IntVar(&p.quota.burst, "burst", 15, "`invocations` at once after a pause, for the table quota")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	flags.BoolVar(&p.markdown, "markdown", false, "print the tables of the README")
	names := flags.String("tables", strings.Join(tables, ","), "`names` of tables, comma between")
	loads := flags.String("loads", "10,500", "`records` a second, for the table linger")
	lingers := flags.String("lingers", "0,1ms,10ms,50ms", "`times`, for the table linger")
	quotaLoads := flags.String("quota-loads", "20,80,140,152", "`records` a second, for the table quota")
	quotaLingers := flags.String("quota-lingers", "10ms,100ms,250ms,1s", "`times` that windows are open, for the table quota")
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
	p.loads, errs[1] = parseList("loads", *loads, parseLoad)
	p.lingers, errs[2] = parseList("lingers", *lingers, parseTime)
	p.quotaLoads, errs[3] = parseList("quota-loads", *quotaLoads, parseLoad)
	p.quotaLingers, errs[4] = parseList("quota-lingers", *quotaLingers, parseTime)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	switch {
	case p.rounds < 1:
		return nil, fmt.Errorf("-rounds %d: must be at least 1", p.rounds)
	case p.records < 1:
		return nil, fmt.Errorf("-n %d: must be at least 1", p.records)
	case p.takes < 0:
		return nil, fmt.Errorf("-takes %v: must not be negative", p.takes)
	case p.quota.perSecond <= 0 || p.quota.burst < 1:
		return nil, errors.New("-rate, -burst: too little")
	case p.json && p.markdown:
		return nil, errors.New("-json and -markdown: only one of them")
	}
	return p, nil
}

func chooseTables(list string) ([]string, error) {
	return parseList("tables", list, func(name string) (string, error) {
		if !slices.Contains(tables, name) {
			return "", fmt.Errorf("there are: %s", strings.Join(tables, ", "))
		}
		return name, nil
	})
}

func parseList[T any](name, list string, parse func(string) (T, error)) ([]T, error) {
	var out []T
	for s := range strings.SplitSeq(list, ",") {
		v, err := parse(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("-%s %s: %w", name, list, err)
		}
		out = append(out, v)
	}
	return out, nil
}

func parseLoad(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil && (v <= 0 || v > 100_000) {
		err = errors.New("must be more than 0, and 100000 at the most")
	}
	return v, err
}

func parseTime(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	if err == nil && v < 0 {
		err = errors.New("must not be negative")
	}
	return v, err
}
