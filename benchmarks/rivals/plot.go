package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/svg"
)

// The page, in pixels.
const (
	namesWidth = 250.0
	plotWidth  = 300.0 // of one number of producers
	lineHeight = 16.0  // of one size of batches in one row
	rowGap     = 8.0
	headHeight = 52.0
	footHeight = 26.0
	margin     = 56.0 // room for the numbers at the ends
)

// plotStyle tells the sizes of batches apart, in their order.
const plotStyle = `
.mark0 { fill: #0969da; stroke: #0969da }
.mark1 { fill: #1a7f37; stroke: #1a7f37 }
.mark2 { fill: #bc4c00; stroke: #bc4c00 }
.mark3 { fill: #8250df; stroke: #8250df }
.own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
.mark0 { fill: #58a6ff; stroke: #58a6ff }
.mark1 { fill: #3fb950; stroke: #3fb950 }
.mark2 { fill: #f0883e; stroke: #f0883e }
.mark3 { fill: #bc8cff; stroke: #bc8cff }
}
`

const marks = 4

// plot shows each contest as a dot at its median, on a line from the least to the most.
// The scale is logarithmic: the rows are three orders of magnitude apart.
func (p *plan) plot(all []*contest) string {
	rowHeight := lineHeight*float64(len(p.batches)) + rowGap
	bottom := headHeight + rowHeight*float64(len(p.rows))
	width := namesWidth + (plotWidth+margin)*float64(len(p.producers))
	d := svg.New("What a record costs, in ns", plotStyle, width, bottom+footHeight)
	for i, batch := range p.batches {
		x := namesWidth + 100*float64(i)
		d.Add(`<circle class="mark%d" cx="%.1f" cy="14" r="4"/><text x="%.1f" y="18">batch %s</text>`, i%marks, x+4, x+14, stat.Thousands(batch))
	}
	for i, r := range p.rows {
		class := ""
		if r.module == "github.com/lambdabatch/lambdabatch" {
			class = ` class="own"`
		}
		d.Add(`<text x="%.1f" y="%.1f" text-anchor="end"%s>%s</text>`, namesWidth-14, headHeight+rowHeight*(float64(i)+0.5)+4, class, svg.Escape(r.name))
	}
	axis := axisOf(all)
	for i, producers := range p.producers {
		left := namesWidth + (plotWidth+margin)*float64(i)
		title := "1 producer"
		if producers > 1 {
			title = fmt.Sprintf("%d producers", producers)
		}
		if i == 0 {
			title += ": ns a record, logarithmic"
		}
		d.Add(`<text x="%.1f" y="38">%s</text>`, left, title)
		axis.draw(d, left, bottom)
		for j, c := range all {
			if c.producers != producers {
				continue
			}
			row, size := j/(len(p.batches)*len(p.producers)), slices.Index(p.batches, c.batch)
			y := headHeight + rowHeight*float64(row) + rowGap/2 + lineHeight*(float64(size)+0.5)
			ns := c.ns()
			d.Add(`<path class="mark%d" stroke-width="2" d="M%.1f %.1fH%.1f"/><circle class="mark%d" cx="%.1f" cy="%.1f" r="4"><title>%s, batch %s: %.0f (%.0f–%.0f)</title></circle>`,
				size%marks, axis.at(left, ns.Low), y, axis.at(left, ns.High), size%marks, axis.at(left, ns.Median), y,
				svg.Escape(c.row.name), stat.Thousands(c.batch), ns.Median, ns.Low, ns.High)
		}
	}
	return d.String()
}

// logAxis reaches from one power of ten to another.
type logAxis struct{ from, to int }

// axisOf is the axis that all contests fit on.
func axisOf(all []*contest) logAxis {
	low, high := math.Inf(1), 1.0
	for _, c := range all {
		ns := c.ns()
		low, high = min(low, ns.Low), max(high, ns.High)
	}
	a := logAxis{int(math.Floor(math.Log10(max(low, 1)))), int(math.Ceil(math.Log10(high)))}
	a.to = max(a.to, a.from+1)
	return a
}

// at is where a value is, on an axis that begins at left.
func (a logAxis) at(left, v float64) float64 {
	part := (math.Log10(max(v, 1)) - float64(a.from)) / float64(a.to-a.from)
	return left + part*plotWidth
}

func (a logAxis) draw(d *svg.Drawing, left, bottom float64) {
	for e := a.from; e <= a.to; e++ {
		v := math.Pow10(e)
		d.Add(`<path class="grid" d="M%.1f %.1fV%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			a.at(left, v), headHeight, bottom, a.at(left, v), bottom+15, stat.Thousands(int(v)))
	}
	d.Add(`<path class="axis" d="M%.1f %.1fH%.1f"/>`, left, bottom, left+plotWidth)
}
