package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/svg"
)

// panel is one diagram: lines over time, all on the same axes.
type panel struct {
	title  string
	length time.Duration
	top    float64 // of the vertical axis; lines are cut off there
	unit   string
	lines  []line
}

type line struct {
	name   string    // one of the classes in style
	points []float64 // evenly spread over the length; NaN is a gap
}

// drawing puts panels onto one page: the first across all of it, the others
// small.
type drawing struct {
	*svg.Drawing
	clips int
}

// The page, in pixels.
const (
	pageWidth   = 860.0
	largeHeight = 300.0
	smallHeight = 150.0
	across      = 3
	legend      = 26.0
)

// style is what these have beside the style of all drawings.
const style = `
.small text { font-size: 10px }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.small .line { stroke-width: 1 }
.quota { stroke: #57606a; stroke-dasharray: 5 3 }
.idea { stroke: #bc4c00; stroke-width: 4; stroke-opacity: .4 }
.small .idea { stroke-width: 3 }
.offered { stroke: #8250df }
.served { stroke: #1a7f37 }
.throttled { stroke: #cf222e }
@media (prefers-color-scheme: dark) {
.quota { stroke: #b1bac4 }
.idea { stroke: #f0883e }
.offered { stroke: #bc8cff }
.served { stroke: #3fb950 }
.throttled { stroke: #ff7b72 }
}
`

// draw makes the SVG document. keys explains the names of the lines.
func draw(title string, keys []key, panels []panel) string {
	height := legend + largeHeight
	if n := len(panels) - 1; n > 0 {
		height += smallHeight * math.Ceil(float64(n)/across)
	}
	d := &drawing{Drawing: svg.New(title, style, pageWidth, height)}
	d.legend(keys)
	for i, p := range panels {
		if i == 0 {
			d.panel(p, 0, legend, pageWidth, largeHeight)
			continue
		}
		d.Add(`<g class="small">`)
		d.panel(p, float64((i-1)%across)*pageWidth/across, legend+largeHeight+float64((i-1)/across)*smallHeight, pageWidth/across, smallHeight)
		d.Add("</g>")
	}
	return d.String()
}

// key explains a line.
type key struct{ name, text string }

func (d *drawing) legend(keys []key) {
	x := 46.0
	for _, k := range keys {
		d.Add(`<path class="line %s" d="M%g 14h22"/><text x="%g" y="18">%s</text>`, k.name, x, x+27, svg.Escape(k.text))
		x += 45 + 6.6*float64(len(k.text))
	}
}

// panel draws one into a rectangle of the page.
func (d *drawing) panel(p panel, x, y, width, height float64) {
	left, right, top, bottom := x+46, x+width-24, y+22, y+height-24
	down := func(v float64) float64 { return bottom - v/p.top*(bottom-top) }
	along := func(t float64) float64 { return left + t*(right-left) }

	d.Add(`<text x="%.1f" y="%.1f">%s</text>`, left, y+14, svg.Escape(p.title))
	for _, v := range svg.Ticks(p.top, 5) {
		d.Add(`<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`, left, down(v), right, left-5, down(v)+4, v)
	}
	d.Add(`<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, right, y+14, svg.Escape(p.unit))
	for _, t := range svg.Ticks(p.length.Seconds(), 6) {
		d.Add(`<text x="%.1f" y="%.1f" text-anchor="middle">%g s</text>`, along(t/p.length.Seconds()), bottom+15, t)
	}
	d.Add(`<path class="axis" d="M%.1f %.1fV%.1fH%.1f"/>`, left, top, bottom, right)

	d.clips++
	d.Add(`<clipPath id="c%d"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></clipPath><g clip-path="url(#c%d)">`,
		d.clips, left, top, right-left, bottom-top, d.clips)
	for _, l := range p.lines {
		if path := l.path(p.top, along, down); path != "" {
			d.Add(`<path class="line %s" d="%s"/>`, l.name, path)
		}
	}
	d.Add("</g>")
}

func (l line) path(top float64, along, down func(float64) float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range l.points {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		v = min(v, 2*top) // infinite, too, is off the page
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, along((float64(i)+0.5)/float64(len(l.points))), down(v))
		pen = "L"
	}
	return b.String()
}
