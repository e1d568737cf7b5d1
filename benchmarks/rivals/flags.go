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

const usage = `usage: rivals [flags]

Pushes records through batchers, and prints what one record takes: without -json
and -markdown as a table. How far things are goes to standard error.

A row is one of: %s.
Names may be written with - in place of a space, and cut short: "floor" is all
the floors. A name in full is that row alone.

`

// plan is what the flags ask for.
type plan struct {
	rows      []row
	batches   []int
	producers []int
	records   int
	rounds    int
	json      bool
	markdown  bool
	svg       string // a file
	profile   string // a file
}

func parse(args []string, help io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("rivals", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	p := &plan{}
	flags.IntVar(&p.records, "n", 1_000_000, "`records` in a run")
	flags.IntVar(&p.rounds, "rounds", 7, "`number` of runs of each row, batch and number of producers; a round has one of each, in random order")
	flags.BoolVar(&p.json, "json", false, "print JSON")
	flags.BoolVar(&p.markdown, "markdown", false, "print the table of the READMEs")
	flags.StringVar(&p.svg, "svg", "", "write a plot to this `file`")
	flags.StringVar(&p.profile, "cpuprofile", "", "write a CPU profile of the rounds to this `file`, without the warm-up; for one row at a time")
	names := flags.String("rows", "", "`names` of rows, comma between; default all")
	batches := flags.String("batches", "20,100,1000", "`sizes` of a batch, comma between")
	producers := flags.String("producers", "1,8", "`numbers` of goroutines that submit, comma between")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // FlagSet returns it bare
			fmt.Fprintf(help, usage, strings.Join(rowNames(), ", "))
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var errs [3]error
	p.rows, errs[0] = chooseRows(*names)
	p.batches, errs[1] = parseNumbers("batches", *batches, maxBatch)
	p.producers, errs[2] = parseNumbers("producers", *producers, maxProducers)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	switch {
	case p.records < 1:
		return nil, fmt.Errorf("-n %d: must be at least 1", p.records)
	case p.rounds < 1:
		return nil, fmt.Errorf("-rounds %d: must be at least 1", p.rounds)
	case p.json && p.markdown:
		return nil, errors.New("-json and -markdown: only one of them")
	case p.profile != "" && len(p.rows) > 1:
		return nil, errors.New("-cpuprofile: a profile of several rows tells little; choose one by -rows")
	}
	return p, nil
}

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// chooseRows finds those that are named, in full or by how they begin; all if none is.
func chooseRows(list string) ([]row, error) {
	if list == "" {
		return rows(), nil
	}
	plain := func(s string) string {
		return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), "-", " "))
	}
	var chosen []row
	for _, part := range wanted(list) {
		all := rows()
		found := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return plain(r.name) != plain(part) })
		if len(found) == 0 {
			found = slices.DeleteFunc(all, func(r row) bool { return !strings.HasPrefix(plain(r.name), plain(part)) })
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("-rows %s: there are: %s", part, strings.Join(rowNames(), ", "))
		}
		for _, r := range found {
			if !slices.ContainsFunc(chosen, func(c row) bool { return c.name == r.name }) {
				chosen = append(chosen, r)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-rows %s: there is no name in it", list)
	}
	return chosen, nil
}

// wanted splits a list of names. A row's name may have a comma in it, so such names
// are looked for first.
func wanted(list string) []string {
	var parts []string
	for _, name := range rowNames() {
		if strings.Contains(name, ",") && strings.Contains(list, name) {
			parts = append(parts, name)
			list = strings.ReplaceAll(list, name, "")
		}
	}
	for part := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(part) != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func parseNumbers(name, list string, most int) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > most {
			return nil, fmt.Errorf("-%s %s: must be numbers from 1 to %d", name, list, most)
		}
		out = append(out, n)
	}
	return out, nil
}
