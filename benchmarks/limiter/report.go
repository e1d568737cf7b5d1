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
		Length: tr.scenario.length.Seconds(), Seeds: seeds, Note: tr.strategy.note,
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

// writeTable writes a block for each scenario.
func writeTable(out io.Writer, trials []*trial, seeds []uint64) {
	fmt.Fprintf(out, "Seeds %s. Round trip %v, durations lognormal (sigma %v).\n", list(seeds), roundTrip, spread)
	var last string
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, tr := range trials {
		s := tr.scenario
		head := fmt.Sprintf("%s, %d", s.name, s.clients)
		if head != last {
			w.Flush() //nolint:errcheck,gosec // as all other output
			last = head
			fmt.Fprintf(out, "\n%s\n", tr.heading())
			fmt.Fprintln(w, "strategy\tgoodput\tof oracle\tthrottled\tJain\tp99\tfailed\tleft\tstart\tdown\tup\trecovery\toutage\t  note")
		}
		m := tr.mean
		note := tr.strategy.note
		if tr.strategy.frantic && s.offered == 0 {
			note += fmt.Sprintf("; %v and %d workers", s.length, tr.strategy.crowd(s))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t  %s\n",
			tr.strategy.name, percent(m.goodput, 1), percent(tr.ofOracle, 1), percent(m.throttled, 2), number("%.3f", m.jain), number("%.1f s", m.p99),
			percent(m.failed, 1), percent(m.left, 1), number("%.1f s", m.start), number("%.1f s", m.down), number("%.1f s", m.up),
			number("%.1f s", m.recovery), number("%.1f/s", m.outage), note)
	}
	w.Flush() //nolint:errcheck,gosec // as all other output
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
