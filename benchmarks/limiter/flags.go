package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

const usage = `usage: limiter [flags]

Runs strategies through scenarios, in simulated time, and prints what became of
the quota: without -json as a table.

A strategy is one of: %s.
A scenario is one of: %s.
Names may be written with - in place of a space. The flags from -rate to
-workers change the scenarios that are named; if none is named, they make one
of their own from rate 100, depth 1s, concurrency 1000, duration 200ms, length 3m,
and the quota halved in the second minute.

`

// plan is what the flags ask for.
type plan struct {
	strategies []strategy
	scenarios  []scenario
	whole      bool // neither scenarios nor clients were named: leave out what tells nothing
	seeds      []uint64
	quick      bool
	json       bool
	markdown   bool
	svg        string
	compare    bool // with the oracle, whether or not it was named
}

func parse(args []string, help io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("limiter", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var (
		strategyNames = flags.String("strategy", "", "`names` of strategies, comma between; default all")
		scenarioNames = flags.String("scenario", "", "`names` of scenarios, comma between; default all")
		clients       = flags.String("clients", "", "`numbers` of clients that share the quota, comma between; default 1 and, where it tells something, 4")
		seeds         = flags.Int("seeds", 5, "`number` of runs of each, with a seed each")
		firstSeed     = flags.Uint64("first-seed", 101, "first `seed`; the limiter was tuned with those from 1 to 100")
		quick         = flags.Bool("quick", false, "one seed, and a third of the time")
		asJSON        = flags.Bool("json", false, "print JSON")
		asMarkdown    = flags.Bool("markdown", false, "print the tables of the README: goodput and throttled calls in percent, of outages calls a second and the time to recover")
		compare       = flags.Bool("compare", true, "run the oracle, too, to say how much of its goodput the others have")
		svg           = flags.String("svg", "", "write plots of the first seed's runs into this `directory`")

		own         = basis()
		rate        = flags.Float64("rate", own.rate, "quota: invocations a second")
		depth       = flags.Duration("depth", own.depth, "quota: the bucket holds what the rate brings in this time")
		concurrency = flags.Int("concurrency", own.concurrency, "quota: invocations at a time")
		mean        = flags.Duration("duration", own.mean, "of an invocation, on average")
		length      = flags.Duration("length", own.length, "of a run")
		steps       = flags.String("step", "60s:0.5,120s:1", "`changes` of the quota: an instant and a factor each; none for none")
		outage      = flags.String("outage", "", "`span`, as 60s:90s, in which every call is answered 503")
		offered     = flags.Float64("offered", 0, "`part` of the quota at which jobs arrive; 0 is as many as the workers can do")
		workers     = flags.Int("workers", own.workers, "jobs at a time, of all clients together")
	)
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // FlagSet returns it bare
			fmt.Fprintf(help, usage, strings.Join(names(strategies(), strategyName), ", "), strings.Join(names(scenarios(), scenarioName), ", "))
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	var change []func(*scenario) error
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "rate":
			change = append(change, func(s *scenario) error { s.rate = *rate; return positive(f.Name, *rate) })
		case "depth":
			change = append(change, func(s *scenario) error { s.depth = *depth; return positive(f.Name, *depth) })
		case "concurrency":
			change = append(change, func(s *scenario) error { s.concurrency = *concurrency; return positive(f.Name, *concurrency) })
		case "duration":
			change = append(change, func(s *scenario) error { s.mean = *mean; return positive(f.Name, *mean) })
		case "workers":
			change = append(change, func(s *scenario) error { s.workers = *workers; return positive(f.Name, *workers) })
		case "offered":
			change = append(change, func(s *scenario) error { s.offered = *offered; return positive(f.Name, *offered) })
		case "length":
			change = append(change, func(s *scenario) error { s.length = length.Round(bin); return positive(f.Name, s.length-upWindow) })
		case "step":
			change = append(change, func(s *scenario) (err error) { s.changes, err = parseSteps(*steps); return err })
		case "outage":
			change = append(change, func(s *scenario) (err error) { s.outage, err = parseSpan(*outage); return err })
		}
	})

	p := &plan{quick: *quick, json: *asJSON, markdown: *asMarkdown, svg: *svg, compare: *compare}
	var err error
	if p.strategies, err = choose("strategy", strategies(), strategyName, *strategyNames); err != nil {
		return nil, err
	}
	chosen := []scenario{basis()}
	if *scenarioNames != "" || len(change) == 0 {
		if chosen, err = choose("scenario", scenarios(), scenarioName, *scenarioNames); err != nil {
			return nil, err
		}
	}
	counts := []int{1}
	if *clients != "" {
		if counts, err = parseNumbers(*clients); err != nil {
			return nil, fmt.Errorf("-clients %s: %w", *clients, err)
		}
	}
	p.whole = *scenarioNames == "" && *clients == "" && len(change) == 0
	if p.whole {
		counts = []int{1, 4}
	}
	for _, n := range counts {
		for _, s := range chosen {
			if p.whole && !telling(s, n) {
				continue
			}
			s.clients = n
			for _, f := range change {
				if err := f(&s); err != nil {
					return nil, err
				}
			}
			s = s.within()
			if *quick {
				s = s.shorter(1.0 / 3)
			}
			p.scenarios = append(p.scenarios, s)
		}
	}
	if *quick {
		*seeds = 1
	}
	if *seeds < 1 {
		return nil, fmt.Errorf("-seeds %d: must be at least 1", *seeds)
	}
	for i := range *seeds {
		p.seeds = append(p.seeds, *firstSeed+uint64(i))
	}
	return p, nil
}

// telling leaves out what shows nothing that another run does not.
func telling(s scenario, clients int) bool {
	switch {
	case clients == 1:
		return s.window == 0
	case s.window > 0:
		return true
	default:
		return slices.Contains([]string{"A", "B", "C", "D", "E", "A open", "outage"}, s.name)
	}
}

// within drops what comes after the end.
func (s scenario) within() scenario {
	s.changes = slices.DeleteFunc(slices.Clone(s.changes), func(c change) bool { return c.at >= s.length })
	s.outage = s.outage.within(s.length)
	s.foreign = s.foreign.within(s.length)
	return s
}

func (s span) within(length time.Duration) span {
	if s.from >= length {
		return span{}
	}
	return span{s.from, min(s.to, length)}
}

func strategyName(st strategy) string { return st.name }
func scenarioName(s scenario) string  { return s.name }

func names[T any](all []T, name func(T) string) []string {
	var out []string
	for _, x := range all {
		out = append(out, name(x))
	}
	return out
}

// choose finds those that are named; all if none is.
func choose[T any](what string, all []T, name func(T) string, list string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	plain := func(s string) string {
		return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), "-", " "))
	}
	var chosen []T
	for want := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(x T) bool { return plain(name(x)) == plain(want) })
		if i < 0 {
			return nil, fmt.Errorf("-%s %s: there are: %s", what, want, strings.Join(names(all, name), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func positive[T int | float64 | time.Duration](name string, v T) error {
	if v <= 0 {
		return fmt.Errorf("-%s: too little", name)
	}
	return nil
}

func parseNumbers(list string) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, err
		}
		if n < 1 {
			return nil, fmt.Errorf("%d: must be at least 1", n)
		}
		out = append(out, n)
	}
	return out, nil
}

// parseSteps reads 60s:0.5,120s:1.
func parseSteps(list string) ([]change, error) {
	if list == "" || list == "none" {
		return nil, nil
	}
	var out []change
	for s := range strings.SplitSeq(list, ",") {
		at, factor, _ := strings.Cut(strings.TrimSpace(s), ":")
		d, err := time.ParseDuration(at)
		if err != nil {
			return nil, fmt.Errorf("-step %s: %w", s, err)
		}
		f, err := strconv.ParseFloat(factor, 64)
		if err != nil {
			return nil, fmt.Errorf("-step %s: %w", s, err)
		}
		d = d.Round(bin)
		if d <= 0 || f <= 0 || len(out) > 0 && d <= out[len(out)-1].at {
			return nil, fmt.Errorf("-step %s: instants must rise from more than 0, factors must be more than 0", s)
		}
		out = append(out, change{d, f})
	}
	return out, nil
}

// parseSpan reads 60s:90s.
func parseSpan(s string) (span, error) {
	from, to, _ := strings.Cut(s, ":")
	a, err := time.ParseDuration(from)
	if err != nil {
		return span{}, fmt.Errorf("-outage %s: %w", s, err)
	}
	b, err := time.ParseDuration(to)
	if err != nil {
		return span{}, fmt.Errorf("-outage %s: %w", s, err)
	}
	if a < 0 || b <= a {
		return span{}, fmt.Errorf("-outage %s: must end after its begin", s)
	}
	return span{a.Round(bin), b.Round(bin)}, nil
}
