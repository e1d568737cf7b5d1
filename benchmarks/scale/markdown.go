package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
)

// writeMarkdown writes the tables, one after the other.
func (p *plan) writeMarkdown(out io.Writer) {
	for _, t := range p.printed() {
		fmt.Fprintf(out, "| %s |\n|---%s|\n", strings.Join(t.head, " | "), strings.Repeat("|--:", len(t.head)-1))
		for _, line := range t.lines {
			fmt.Fprintf(out, "| %s |\n", strings.Join(line, " | "))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "Median (least–most) of %d rounds; %s, %s/%s, GOMAXPROCS %d.\n",
		p.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
