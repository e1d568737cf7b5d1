package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"time"
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
	strings.Builder
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

// style is readable on light and on dark pages.
const style = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.small text { font-size: 10px }
.page { fill: #ffffff }
.axis { stroke: #8c959f; stroke-width: 1; fill: none }
.grid { stroke: #8c959f; stroke-opacity: .25; fill: none }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.small .line { stroke-width: 1 }
.quota { stroke: #57606a; stroke-dasharray: 5 3 }
.idea { stroke: #bc4c00; stroke-width: 4; stroke-opacity: .4 }
.small .idea { stroke-width: 3 }
.offered { stroke: #8250df }
.served { stroke: #1a7f37 }
.throttled { stroke: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
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
	d := &drawing{}
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img">`, pageWidth, height, pageWidth, height)
	d.add("<title>%s</title>\n<style>%s</style>", escape(title), style)
	d.add(`<rect class="page" width="%g" height="%g"/>`, pageWidth, height)
	d.legend(keys)
	for i, p := range panels {
		if i == 0 {
			d.panel(p, 0, legend, pageWidth, largeHeight)
			continue
		}
		d.add(`<g class="small">`)
		d.panel(p, float64((i-1)%across)*pageWidth/across, legend+largeHeight+float64((i-1)/across)*smallHeight, pageWidth/across, smallHeight)
		d.add("</g>")
	}
	d.add("</svg>")
	return d.String()
}

// key explains a line.
type key struct{ name, text string }

func (d *drawing) legend(keys []key) {
	x := 46.0
	for _, k := range keys {
		d.add(`<path class="line %s" d="M%g 14h22"/><text x="%g" y="18">%s</text>`, k.name, x, x+27, escape(k.text))
		x += 45 + 6.6*float64(len(k.text))
	}
}

// panel draws one into a rectangle of the page.
func (d *drawing) panel(p panel, x, y, width, height float64) {
	left, right, top, bottom := x+46, x+width-24, y+22, y+height-24
	down := func(v float64) float64 { return bottom - v/p.top*(bottom-top) }
	along := func(t float64) float64 { return left + t*(right-left) }

	d.add(`<text x="%.1f" y="%.1f">%s</text>`, left, y+14, escape(p.title))
	for _, v := range ticks(p.top, 5) {
		d.add(`<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%g</text>`, left, down(v), right, left-5, down(v)+4, v)
	}
	d.add(`<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, right, y+14, escape(p.unit))
	for _, t := range ticks(p.length.Seconds(), 6) {
		d.add(`<text x="%.1f" y="%.1f" text-anchor="middle">%g s</text>`, along(t/p.length.Seconds()), bottom+15, t)
	}
	d.add(`<path class="axis" d="M%.1f %.1fV%.1fH%.1f"/>`, left, top, bottom, right)

	d.clips++
	d.add(`<clipPath id="c%d"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></clipPath><g clip-path="url(#c%d)">`,
		d.clips, left, top, right-left, bottom-top, d.clips)
	for _, l := range p.lines {
		if path := l.path(p.top, along, down); path != "" {
			d.add(`<path class="line %s" d="%s"/>`, l.name, path)
		}
	}
	d.add("</g>")
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

// ticks are round numbers from 0 to top, about n of them.
func ticks(top float64, n int) []float64 {
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

func (d *drawing) add(format string, args ...any) {
	fmt.Fprintf(d, format, args...)
	d.WriteByte('\n')
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}
