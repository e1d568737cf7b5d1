package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// result is a contest as JSON.
type result struct {
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	Batch     int     `json:"batch"`
	Producers int     `json:"producers"`
	NS        float64 `json:"ns_per_record"` // the median, as the others
	NSMin     float64 `json:"ns_min"`
	NSMax     float64 `json:"ns_max"`
	Allocs    float64 `json:"allocs_per_record"`
	Bytes     float64 `json:"bytes_per_record"`
	PerBatch  float64 `json:"records_per_batch"`
	Rounds    int     `json:"rounds"`
	Does      string  `json:"does"`
}

func (c *contest) result() result {
	ns := c.ns()
	return result{
		Name: c.row.name, Version: c.row.version(), Batch: c.batch, Producers: c.producers,
		NS: round(ns.Median), NSMin: round(ns.Low), NSMax: round(ns.High),
		Allocs: round(c.allocs().Median), Bytes: round(c.bytes().Median), PerBatch: round(c.perBatch().Median),
		Rounds: len(c.samples), Does: c.row.does,
	}
}

// round leaves what can be told apart.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func writeJSON(out io.Writer, all []*contest) error {
	results := make([]result, 0, len(all))
	for _, c := range all {
		results = append(results, c.result())
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(results)
}

func writeTable(out io.Writer, all []*contest) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "batch\tproducers\tns/record\tmin\tmax\tallocs\tbytes\trecords/batch\t  name\n")
	for _, c := range all {
		ns := c.ns()
		fmt.Fprintf(w, "%d\t%d\t%.0f\t%.0f\t%.0f\t%.2f\t%.0f\t%.1f\t  %s %s\n", c.batch, c.producers, ns.Median, ns.Low, ns.High,
			c.allocs().Median, c.bytes().Median, c.perBatch().Median, c.row.name, c.row.version())
	}
	w.Flush() //nolint:errcheck // as all other output
}
