package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// result is a contest as JSON.
type result struct {
	Table         string            `json:"table"`
	Name          string            `json:"name"`
	MaxRecords    int               `json:"max_records,omitempty"` // 0: the payload's size is what bounds a batch
	MaxBytes      int               `json:"max_bytes,omitempty"`
	RecordBytes   int               `json:"record_bytes"`
	InFlight      int               `json:"in_flight"`
	CPU           stat.Spread       `json:"cpu_us_per_record"`
	ServerCPU     stat.Spread       `json:"server_cpu_us_per_record"`
	TimesLess     float64           `json:"times_less_cpu,omitempty"` // than one per Invoke
	PerSecond     stat.Spread       `json:"records_per_second"`
	Allocs        float64           `json:"allocs_per_record"` // the median, as what follows
	Bytes         float64           `json:"bytes_per_record"`
	PerInvocation float64           `json:"records_per_invocation"`
	Payload       float64           `json:"bytes_per_payload"`
	Connections   float64           `json:"connections"`
	Shares        map[owner]float64 `json:"cpu_shares"`
	Rounds        int               `json:"rounds"`
}

func (c *contest) result(all []*contest) result {
	r := result{
		Table: c.table, Name: c.row.name, MaxRecords: c.course.records, MaxBytes: c.course.bytes, RecordBytes: c.course.size,
		InFlight: c.course.inFlight, CPU: rounded(c.cpu()), PerSecond: rounded(c.perSecond()), TimesLess: round(c.timesLess(all)),
		ServerCPU:     rounded(c.of(func(s sample) float64 { return s.serverCPU })),
		Allocs:        round(c.of(func(s sample) float64 { return s.allocs }).Median),
		Bytes:         round(c.of(func(s sample) float64 { return s.bytes }).Median),
		PerInvocation: round(c.of(func(s sample) float64 { return s.perInvocation }).Median),
		Payload:       round(c.of(func(s sample) float64 { return s.payload }).Median),
		Connections:   c.of(func(s sample) float64 { return s.connections }).Median,
		Shares:        make(map[owner]float64),
		Rounds:        len(c.samples),
	}
	if c.course.bytes > 0 {
		r.MaxRecords = 0
	}
	for _, o := range owners {
		r.Shares[o] = round(c.shares.of(o))
	}
	return r
}

// timesLess is how many times as much CPU one record per Invoke takes, in the same table
// with records of the same size; 0 if that was not measured.
func (c *contest) timesLess(all []*contest) float64 {
	for _, other := range all {
		if other.table == c.table && other.row.name == oneRow().name && other.course.size == c.course.size && c.cpu().Median > 0 {
			return other.cpu().Median / c.cpu().Median
		}
	}
	return 0
}

// round leaves what can be told apart.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func rounded(s stat.Spread) stat.Spread {
	return stat.Spread{Median: round(s.Median), Low: round(s.Low), High: round(s.High)}
}

func results(all []*contest) []result {
	out := make([]result, 0, len(all))
	for _, c := range all {
		out = append(out, c.result(all))
	}
	return out
}

func writeJSON(out io.Writer, all []*contest) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(results(all))
}

func writeTables(out io.Writer, all []*contest) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "table\trecord\tin flight\trecords/inv.\tbytes/inv.\tcpu us\tmin\tmax\ttimes less\trecords/s\tallocs\tbytes\tserver us\tconns")
	for _, o := range owners {
		fmt.Fprintf(w, "\t%s", o)
	}
	fmt.Fprint(w, "\t  name\n")
	for _, r := range results(all) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%.0f\t%.1f\t%.0f\t%.2f\t%.0f", r.Table, r.RecordBytes, r.InFlight, r.PerInvocation, r.Payload,
			r.CPU.Median, r.CPU.Low, r.CPU.High, r.TimesLess, r.PerSecond.Median, r.Allocs, r.Bytes, r.ServerCPU.Median, r.Connections)
		for _, o := range owners {
			fmt.Fprintf(w, "\t%.1f%%", 100*r.Shares[o])
		}
		fmt.Fprintf(w, "\t  %s\n", r.Name)
	}
	w.Flush() //nolint:errcheck // as all other output
}
