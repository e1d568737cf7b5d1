package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// writeMarkdown writes a line for each row: the time in each contest, and what is
// allocated, which hardly depends on the number of producers, with the first number of
// them.
func (p *plan) writeMarkdown(out io.Writer, all []*contest) {
	var heads, sizes []string
	for _, batch := range p.batches {
		for _, producers := range p.producers {
			heads = append(heads, fmt.Sprintf("%s, %d prod.", stat.Thousands(batch), producers))
		}
		sizes = append(sizes, stat.Thousands(batch))
	}
	batches := strings.Join(sizes, " / ")
	fmt.Fprintf(out, "| ns a record | %s | allocs (%s) | bytes (%s) |\n", strings.Join(heads, " | "), batches, batches)
	fmt.Fprintf(out, "|---%s|--:|--:|\n", strings.Repeat("|--:", len(heads)))
	for ; len(all) > 0; all = all[len(heads):] {
		row := all[0].row
		name := row.name
		if strings.HasPrefix(name, "lambdabatch") {
			name = "**" + name + "**"
		}
		if row.module != "" {
			name += " " + row.version()
		}
		var cells, allocs, bytes []string
		for i, c := range all[:len(heads)] {
			ns := c.ns()
			cells = append(cells, fmt.Sprintf("%.0f (%.0f–%.0f)", ns.Median, ns.Low, ns.High))
			if i%len(p.producers) == 0 {
				allocs = append(allocs, fmt.Sprintf("%.2f", c.allocs().Median))
				bytes = append(bytes, fmt.Sprintf("%.0f", c.bytes().Median))
			}
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", name, strings.Join(cells, " | "), strings.Join(allocs, " / "), strings.Join(bytes, " / "))
	}
	fmt.Fprintf(out, "\nMedian (least–most) of %d rounds of %s records; %s, %s/%s, GOMAXPROCS %d.\n",
		p.rounds, stat.Thousands(p.records), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
