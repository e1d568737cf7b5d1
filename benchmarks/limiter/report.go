package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// result is a trial as JSON.
type result struct {
	Strategy  string   `json:"strategy"`
	Scenario  string   `json:"scenario"`
	Clients   int      `json:"clients"`
	Goodput   float64  `json:"goodput"`
	OfOracle  *float64 `json:"of_oracle"`
	Throttled float64  `json:"throttled"`
	Jain      *float64 `json:"jain"` // null: one client
	P99       float64  `json:"p99_seconds"`
	Failed    float64  `json:"failed"`
	Left      float64  `json:"left"`

	Start    *seconds `json:"start_seconds,omitempty"`
	Down     *seconds `json:"down_seconds,omitempty"`
	Up       *seconds `json:"up_seconds,omitempty"`
	Recovery *seconds `json:"recovery_seconds,omitempty"`
	Outage   *seconds `json:"outage_calls_per_second,omitempty"`

	Length float64  `json:"simulated_seconds"`
	Seeds  []uint64 `json:"seeds"`
	Note   string   `json:"note,omitempty"`
}

// seconds is a time that may never come: null.
type seconds float64

func (s seconds) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(s), 1) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(s))
}

// given is nil for what does not apply.
func given[T ~float64](v float64) *T {
	if math.IsNaN(v) {
		return nil
	}
	t := T(v)
	return &t
}

func (tr *trial) result(seeds []uint64) result {
	m := tr.mean
	return result{
		Strategy: tr.strategy.name, Scenario: tr.scenario.name, Clients: tr.scenario.clients,
		Goodput: m.goodput, OfOracle: given[float64](tr.ofOracle), Throttled: m.throttled, Jain: given[float64](m.jain),
		P99: m.p99, Failed: m.failed, Left: m.left,
		Start: given[seconds](m.start), Down: given[seconds](m.down), Up: given[seconds](m.up),
		Recovery: given[seconds](m.recovery), Outage: given[seconds](m.outage),
		Length: tr.scenario.length.Seconds(), Seeds: seeds, Note: tr.note(),
	}
}

func writeJSON(out io.Writer, trials []*trial, seeds []uint64) error {
	results := make([]result, 0, len(trials))
	for _, tr := range trials {
		results = append(results, tr.result(seeds))
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(results)
}

// columns are those of the tables. One that nothing is in is left out.
var columns = []struct {
	head string
	of   func(*trial) string
}{
	{"strategy", func(tr *trial) string { return tr.strategy.name }},
	{"goodput", func(tr *trial) string { return percent(tr.mean.goodput, 1) }},
	{"of oracle", func(tr *trial) string { return percent(tr.ofOracle, 1) }},
	{"throttled", func(tr *trial) string { return percent(tr.mean.throttled, 2) }},
	{"Jain", func(tr *trial) string { return number("%.3f", tr.mean.jain) }},
	{"p99", func(tr *trial) string { return number("%.1f s", tr.mean.p99) }},
	{"failed", func(tr *trial) string { return percent(tr.mean.failed, 1) }},
	{"left", func(tr *trial) string { return percent(tr.mean.left, 1) }},
	{"start", func(tr *trial) string { return number("%.1f s", tr.mean.start) }},
	{"down", func(tr *trial) string { return number("%.1f s", tr.mean.down) }},
	{"up", func(tr *trial) string { return number("%.1f s", tr.mean.up) }},
	{"outage", func(tr *trial) string { return number("%.1f/s", tr.mean.outage) }},
	{"recovery", func(tr *trial) string { return number("%.1f s", tr.mean.recovery) }},
	{"note", func(tr *trial) string { return tr.note() }},
}

// writeTable writes a table for each scenario.
func writeTable(out io.Writer, trials []*trial, seeds []uint64) {
	fmt.Fprintf(out, "Seeds %s. Round trip %v, durations lognormal (sigma %v).\n", list(seeds), roundTrip, spread)
	for len(trials) > 0 {
		n := 1
		for n < len(trials) && trials[n].file() == trials[0].file() {
			n++
		}
		fmt.Fprintf(out, "\n%s\n", trials[0].heading())
		writeBlock(out, trials[:n])
		trials = trials[n:]
	}
}

func writeBlock(out io.Writer, trials []*trial) {
	rows := make([][]string, 1+len(trials))
	for _, c := range columns {
		column := []string{c.head}
		empty := true
		for _, tr := range trials {
			cell := c.of(tr)
			empty = empty && cell == ""
			column = append(column, cell)
		}
		if empty {
			continue
		}
		for i, cell := range column {
			if c.head == "note" {
				cell = "  " + cell // the last one is not aligned
			}
			rows[i] = append(rows[i], cell)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), " "))
	}
	w.Flush() //nolint:errcheck // as all other output
}

// note says what sets the trial apart from the others of its scenario.
func (tr *trial) note() string {
	parts := make([]string, 0, 3)
	if tr.strategy.note != "" {
		parts = append(parts, tr.strategy.note)
	}
	if tr.strategy.part < 1 && tr.scenario.offered == 0 {
		parts = append(parts, fmt.Sprintf("all in %v", tr.scenario.length))
	}
	if tr.strategy.few {
		parts = append(parts, fmt.Sprintf("%d workers", tr.strategy.crowd(tr.scenario)))
	}
	return strings.Join(parts, "; ")
}

// heading says all that the numbers depend on.
func (tr *trial) heading() string {
	s := tr.scenario
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s; %d client", s.name, s.what, s.clients)
	if s.clients > 1 {
		fmt.Fprintf(&b, "s, one each %v", s.joining)
	}
	fmt.Fprintf(&b, "\n%g/s, bucket %d, concurrency %d, invocations of %v", s.rate, s.burst(1), s.concurrency, s.mean)
	for _, c := range s.changes {
		fmt.Fprintf(&b, "; %g of it from %v", c.factor, c.at)
	}
	if s.walk > 0 {
		fmt.Fprintf(&b, "; times exp(%g N(0,1)) each %v, within 0.4 and 1.6", s.walk, walkEvery)
	}
	fmt.Fprintf(&b, "; %v", s.length)
	return b.String()
}

func list(seeds []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seeds), " ", ", "), "[]")
}

func percent(v float64, digits int) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%.*f %%", digits, 100*v)
}

func number(format string, v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case math.IsInf(v, 1):
		return "never"
	}
	return fmt.Sprintf(format, v)
}
