package main

import (
	"fmt"
	"io"
	"runtime"
)

// writeMarkdown writes the tables, one after the other.
func (p *plan) writeMarkdown(out io.Writer) {
	for _, t := range p.printed() {
		t.WriteMarkdown(out)
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "Median (least–most) of %d rounds; %s, %s/%s, GOMAXPROCS %d.\n",
		p.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
