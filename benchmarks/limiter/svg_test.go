package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// wellFormed counts the elements.
func wellFormed(t *testing.T, svg string) map[string]int {
	t.Helper()
	count := make(map[string]int)
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if start, ok := token.(xml.StartElement); ok {
			count[start.Name.Local]++
		}
	}
}

func TestDraw(t *testing.T) {
	p := panel{
		title: "A < B & C", length: 10 * time.Second, top: 100,
		lines: []line{
			{"served", []float64{1, 2, math.NaN(), math.Inf(1), 1e300}},
			{"idea", nil},
		},
	}
	svg := draw("<title>", []key{{"served", "served"}}, []panel{p, p, p, p, p})
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, "%!") {
		t.Errorf("not a number in %s", svg)
	}
	count := wellFormed(t, svg)
	if count["clipPath"] != 5 || count["title"] != 1 {
		t.Errorf("%v", count)
	}
	if !strings.Contains(svg, "A &lt; B &amp; C") {
		t.Error("the title is not escaped")
	}
}

func TestCoarse(t *testing.T) {
	counts := make([]float64, 1801)
	for i := range counts {
		counts[i] = 3
	}
	out := coarse(counts)
	if len(out) != points {
		t.Fatalf("%d points", len(out))
	}
	for i, v := range out {
		if math.Abs(v-30) > 1e-9 {
			t.Fatalf("point %d: %v", i, v)
		}
	}
	if coarse(nil) != nil {
		t.Error("points of nothing")
	}
}
