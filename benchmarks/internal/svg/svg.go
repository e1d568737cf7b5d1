// Package svg is what the plots of the benchmarks have in common.
package svg

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// style is readable on light and on dark pages.
const style = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.page { fill: #ffffff }
.axis { stroke: #8c959f; stroke-width: 1; fill: none }
.grid { stroke: #8c959f; stroke-opacity: .25; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
}
`

// Drawing is a document in the making. Make one by New.
type Drawing struct {
	text strings.Builder
}

// New begins a drawing of this size, in pixels. more is added to the style that all
// drawings share: text, axis and grid.
func New(title, more string, width, height float64) *Drawing {
	d := &Drawing{}
	d.Add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img">`, width, height, width, height)
	d.Add("<title>%s</title>\n<style>%s</style>", Escape(title), style+strings.TrimPrefix(more, "\n"))
	d.Add(`<rect class="page" width="%g" height="%g"/>`, width, height)
	return d
}

// Add adds a line of SVG.
func (d *Drawing) Add(format string, args ...any) {
	fmt.Fprintf(&d.text, format, args...)
	d.text.WriteByte('\n')
}

// String is the whole document.
func (d *Drawing) String() string { return d.text.String() + "</svg>\n" }

// Escape makes text of s.
func Escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

// Ticks are round numbers from 0 to top, about n of them.
func Ticks(top float64, n int) []float64 {
	if top <= 0 {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(top/float64(n))))
	for _, f := range []float64{1, 2, 3, 5, 6, 10} {
		if top/(f*step) <= float64(n)+0.5 {
			step *= f
			break
		}
	}
	var all []float64
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		all = append(all, float64(i)*step)
	}
	return all
}
