// Package stat is how the benchmarks tell of numbers.
package stat

import (
	"math"
	"slices"
	"strconv"
)

// Spread is a median and what is around it.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"least"`
	High   float64 `json:"most"`
}

// SpreadOf takes at least one value.
func SpreadOf(all []float64) Spread {
	all = slices.Sorted(slices.Values(all))
	mid, last := len(all)/2, len(all)-1
	return Spread{(all[mid] + all[last-mid]) / 2, all[0], all[last]}
}

// Of is the spread of one number of the samples.
func Of[T any](samples []T, what func(T) float64) Spread {
	all := make([]float64, 0, len(samples))
	for _, s := range samples {
		all = append(all, what(s))
	}
	return SpreadOf(all)
}

// String writes 12.3 (11.9–13.0).
func (s Spread) String() string { return Short(s.Median) + s.Range() }

// Range writes what is around the median, and nothing if nothing is.
func (s Spread) Range() string {
	low, high := Short(s.Low), Short(s.High)
	if low == high {
		return ""
	}
	return " (" + low + "–" + high + ")"
}

// Short writes three digits, or all before the point if there are more: 0.0123, 1.23,
// 12.3, 123, 1,234.
func Short(v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	if math.Abs(v) >= 999.5 {
		return Thousands(int(math.Round(v)))
	}
	before := int(math.Floor(math.Log10(math.Abs(v)))) + 1
	return strconv.FormatFloat(v, 'f', min(max(3-before, 0), 4), 64)
}

// Thousands writes 1,000,000.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Quantile is the value that a part of all is not above. It wants them sorted, and at
// least one.
func Quantile[T any](sorted []T, part float64) T {
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}
