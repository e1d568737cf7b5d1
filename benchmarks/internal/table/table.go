// Package table prints tables, as text and as Markdown.
package table

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is one of text. The first column names the line.
type Table struct {
	Head  []string
	Lines [][]string
}

// Add adds a line.
func (t *Table) Add(cells ...string) { t.Lines = append(t.Lines, cells) }

// WriteText aligns the columns.
func (t *Table) WriteText(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range append([][]string{t.Head}, t.Lines...) {
		for _, cell := range line {
			fmt.Fprintf(w, "%s\t", cell)
		}
		fmt.Fprintln(w)
	}
	w.Flush() //nolint:errcheck // as all other output
}

// WriteMarkdown has all columns but the first to the right.
func (t *Table) WriteMarkdown(out io.Writer) {
	fmt.Fprintf(out, "| %s |\n|---%s|\n", strings.Join(t.Head, " | "), strings.Repeat("|--:", len(t.Head)-1))
	for _, line := range t.Lines {
		fmt.Fprintf(out, "| %s |\n", strings.Join(line, " | "))
	}
}
