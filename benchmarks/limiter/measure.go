package main

import (
	"math"
	"slices"
	"time"
)

// measures are what one run, or the mean of several, has shown.
type measures struct {
	goodput   float64 // successes, as a fraction of what the quota allowed
	throttled float64 // of the calls
	jain      float64 // NaN: one client
	p99       float64 // seconds
	failed    float64 // of the jobs that came to an end
	left      float64 // of all jobs: those that did not

	// Seconds; NaN: does not apply, +Inf: never.
	start    float64 // until a window of 5 s has 90 % of the quota
	down     float64 // after a lower quota, until a window of 3 s has no more than 5 % of its calls throttled
	up       float64 // after a higher one, as start
	recovery float64 // after an outage, as start
	outage   float64 // calls a second meanwhile; NaN: there was none
}

const (
	upWindow, upShare     = 5 * time.Second, 0.9
	downWindow, downShare = 3 * time.Second, 0.05
)

func measure(c course, r *recording) measures {
	served := make([]float64, len(r.offered))
	for _, one := range r.served {
		for i, n := range one {
			served[i] += float64(n)
		}
	}
	offered, throttled, quota := floats(r.offered), floats(r.throttled), c.quotas()
	whole := span{0, c.length}

	m := measures{
		goodput:   ratio(total(served, whole), total(quota, whole)),
		throttled: ratio(total(throttled, whole), total(offered, whole)),
		jain:      fairness(c, r.served),
		p99:       percentile(r.latencies, 0.99).Seconds(),
		failed:    ratio(float64(r.failures), float64(r.jobs)),
		left:      ratio(float64(r.unfinished), float64(r.jobs+r.unfinished)),
		start:     until(served, quota, 0, c.length),
		down:      math.NaN(), up: math.NaN(), recovery: math.NaN(), outage: math.NaN(),
	}
	if len(c.changes) > 0 {
		for i := 1; i < len(c.steps); i++ {
			end := c.length
			if i+1 < len(c.steps) {
				end = c.steps[i+1].at
			}
			at, factor := c.steps[i].at, c.steps[i].factor
			switch before := c.steps[i-1].factor; {
			case factor < before:
				m.down = worse(m.down, untilCalm(offered, throttled, at, end))
			case factor > before:
				m.up = worse(m.up, until(served, quota, at, end))
			}
		}
	}
	if c.outage.to > 0 {
		m.outage = total(offered, c.outage) / (c.outage.to - c.outage.from).Seconds()
		m.recovery = until(served, quota, c.outage.to, c.length)
	}
	if c.offered > 0 { // the quota is not there to be used up
		m.start, m.up = math.NaN(), math.NaN()
		if c.outage.to > 0 {
			scaled := make([]float64, len(quota))
			for i := range quota {
				scaled[i] = c.offered * quota[i]
			}
			m.recovery = until(served, scaled, c.outage.to, c.length)
		}
	}
	return m
}

// quotas is what could succeed in each bin.
func (c course) quotas() []float64 {
	q := make([]float64, bins(c.length))
	for i := range q {
		q[i] = c.free(time.Duration(i)*bin+bin/2) * bin.Seconds()
	}
	return q
}

func floats(in []int) []float64 {
	out := make([]float64, len(in))
	for i, n := range in {
		out[i] = float64(n)
	}
	return out
}

func total(in []float64, s span) float64 {
	var sum float64
	for _, n := range in[bins(s.from):bins(s.to)] {
		sum += n
	}
	return sum
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// worse is the longer time, or the one that there is.
func worse(a, b float64) float64 {
	if math.IsNaN(a) {
		return b
	}
	return max(a, b)
}

// until is the seconds from an instant to the first window with enough of the
// quota.
func until(served, quota []float64, from, end time.Duration) float64 {
	return first(from, end, upWindow, func(s span) bool { return total(served, s) >= upShare*total(quota, s) })
}

func untilCalm(offered, throttled []float64, from, end time.Duration) float64 {
	return first(from, end, downWindow, func(s span) bool { return total(throttled, s) <= downShare*total(offered, s) })
}

func first(from, end, window time.Duration, ok func(span) bool) float64 {
	for at := from; at+window <= end; at += bin {
		if ok(span{at, at + window}) {
			return (at - from).Seconds()
		}
	}
	return math.Inf(1)
}

// fairness is Jain's index, as the mean over windows.
func fairness(c course, served [][]int) float64 {
	if len(served) < 2 {
		return math.NaN()
	}
	var sum float64
	windows := c.windows()
	for _, w := range windows {
		shares := make([]float64, len(served))
		for i, one := range served {
			shares[i] = total(floats(one), w)
		}
		sum += jain(shares)
	}
	return sum / float64(len(windows))
}

// windows are those over which fairness is measured: of the length that the
// scenario says, after all clients have joined, or else the last third of the time
// between two changes. Where the quota never rests, the last three quarters of all.
func (c course) windows() []span {
	if c.window > 0 {
		var all []span
		for at := time.Duration(c.clients-1) * c.joining; at+c.window <= c.length; at += c.window {
			all = append(all, span{at, at + c.window})
		}
		return all
	}
	if c.walk > 0 {
		return []span{{c.length / 4, c.length}}
	}
	edges := []time.Duration{c.length}
	for _, s := range c.steps {
		edges = append(edges, s.at)
	}
	for _, s := range []span{c.outage, c.foreign} {
		if s.to > 0 {
			edges = append(edges, s.from, s.to)
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var all []span
	for i, to := range edges[1:] {
		if from := edges[i]; !c.outage.has(from) { // nobody has anything meanwhile
			all = append(all, span{to - (to-from)/3, to})
		}
	}
	return all
}

// jain is 1 when all have the same, and 1/n when one has all.
func jain(shares []float64) float64 {
	var sum, squares float64
	for _, x := range shares {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(shares)) * squares)
}

func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// mean is that of several runs. If something never happened in one of them,
// the mean time is infinite.
func mean(all []measures) measures {
	avg := func(of func(measures) float64) float64 {
		var sum float64
		for _, m := range all {
			sum += of(m)
		}
		return sum / float64(len(all))
	}
	return measures{
		goodput:   avg(func(m measures) float64 { return m.goodput }),
		throttled: avg(func(m measures) float64 { return m.throttled }),
		jain:      avg(func(m measures) float64 { return m.jain }),
		p99:       avg(func(m measures) float64 { return m.p99 }),
		failed:    avg(func(m measures) float64 { return m.failed }),
		left:      avg(func(m measures) float64 { return m.left }),
		start:     avg(func(m measures) float64 { return m.start }),
		down:      avg(func(m measures) float64 { return m.down }),
		up:        avg(func(m measures) float64 { return m.up }),
		recovery:  avg(func(m measures) float64 { return m.recovery }),
		outage:    avg(func(m measures) float64 { return m.outage }),
	}
}
