package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// report is both runs. One that did not take place is nil.
type report struct {
	Records     int     `json:"records"`
	Input       string  `json:"input"`
	Naive       *result `json:"naive"`
	Batcher     *result `json:"batcher"`
	Interrupted bool    `json:"interrupted,omitempty"`
}

// result is one run, as far as it has come.
type result struct {
	Succeeded   int     `json:"succeeded"`
	Failed      int     `json:"failed"`
	Invocations int     `json:"invocations"` // requests on the wire, throttled ones too
	Throttled   int     `json:"throttled"`
	Seconds     float64 `json:"seconds"`

	firstFailure error
}

// perInvocation is how many records an invocation that was let in brought home.
func (r *result) perInvocation() float64 {
	if r.Invocations == r.Throttled {
		return 0
	}
	return float64(r.Succeeded) / float64(r.Invocations-r.Throttled)
}

// write prints the report to stdout, and why records failed to stderr.
func (r *report) write(stdout, stderr io.Writer, asJSON bool) error {
	r.why(stderr, "one by one", r.Naive)
	r.why(stderr, "Batcher", r.Batcher)
	if !asJSON {
		return r.table(stdout)
	}
	rounded := *r
	for _, run := range []**result{&rounded.Naive, &rounded.Batcher} {
		if *run != nil {
			copied := **run
			copied.Seconds = math.Round(copied.Seconds*1000) / 1000
			*run = &copied
		}
	}
	return json.NewEncoder(stdout).Encode(rounded)
}

func (r *report) why(stderr io.Writer, label string, run *result) {
	if run != nil && run.Failed > 0 {
		fmt.Fprintf(stderr, "%s: failed records: %d, the first: %s\n", label, run.Failed, oneLine(run.firstFailure))
	}
}

func (r *report) table(stdout io.Writer) error {
	type row struct {
		name string
		cell func(*result) string
	}
	number := func(of func(*result) int) func(*result) string {
		return func(run *result) string { return strconv.Itoa(of(run)) }
	}
	rows := []row{
		{"records", number(func(*result) int { return r.Records })},
		{"succeeded", number(func(run *result) int { return run.Succeeded })},
		{"failed", number(func(run *result) int { return run.Failed })},
		{"invocations", number(func(run *result) int { return run.Invocations })},
		{"throttled", number(func(run *result) int { return run.Throttled })},
		{"records per invocation", func(run *result) string { return fmt.Sprintf("%.1f", run.perInvocation()) }},
		{"seconds", func(run *result) string { return fmt.Sprintf("%.1f", run.Seconds) }},
	}
	if r.Interrupted {
		unfinished := row{"unfinished", number(func(run *result) int { return r.Records - run.Succeeded - run.Failed })}
		rows = append(rows[:3], append([]row{unfinished}, rows[3:]...)...)
	}
	const line = "%-24s %21s %9s\n"
	var text strings.Builder
	fmt.Fprintf(&text, "\n"+line, "", "one Invoke per record", "Batcher")
	for _, row := range rows {
		cells := [2]string{"-", "-"}
		for i, run := range []*result{r.Naive, r.Batcher} {
			if run != nil {
				cells[i] = row.cell(run)
			}
		}
		fmt.Fprintf(&text, line, row.name, cells[0], cells[1])
	}
	text.WriteString("\nInvocations are requests to Lambda, throttled ones too; records per invocation are those\n" +
		"that succeeded, for each invocation that was not throttled.\n")
	if r.Interrupted {
		text.WriteString("Interrupted: unfinished records have not been sent, or nobody waited for their result.\n")
	}
	_, err := io.WriteString(stdout, text.String())
	return err
}
