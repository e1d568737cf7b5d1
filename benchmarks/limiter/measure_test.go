package main

import (
	"math"
	"testing"
	"time"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 && got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestJain(t *testing.T) {
	for _, c := range []struct {
		shares []float64
		want   float64
	}{
		{[]float64{5, 5, 5, 5}, 1},
		{[]float64{1, 0, 0, 0}, 0.25},
		{[]float64{0, 0}, 1},
		{[]float64{1, 3}, 0.8},
	} {
		near(t, "jain", jain(c.shares), c.want)
	}
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := range 200 {
		all = append(all, time.Duration(200-i))
	}
	if got := percentile(all, 0.99); got != 199 {
		t.Errorf("got %d, want 199", got)
	}
	if got := percentile(nil, 0.99); got != 0 {
		t.Errorf("of nothing: got %d", got)
	}
	if all[0] != 200 {
		t.Error("the argument was sorted")
	}
}

// steady is a recording of a scenario in which each bin has the same.
func steady(s *scenario, served, throttled int) *recording {
	r := newRecording(s.length, s.clients)
	for i := range r.offered {
		r.offered[i] = s.clients*served + throttled
		r.throttled[i] = throttled
		for _, one := range r.served {
			one[i] = served
		}
	}
	return r
}

func TestMeasureOfASteadyRun(t *testing.T) {
	s := basis() // quota: 10 a bin, and 5 in the second minute
	s.clients = 2
	r := steady(&s, 4, 2)
	r.jobs, r.failures, r.unfinished = 90, 9, 10

	m := measure(s.course(1), r)
	near(t, "goodput", m.goodput, 8*1800/(10*1200+5*600.0))
	near(t, "throttled", m.throttled, 0.2)
	near(t, "jain", m.jain, 1)
	near(t, "failed", m.failed, 0.1)
	near(t, "left", m.left, 0.1)
	// A window that begins 1.7 s before the quota falls has 8·50 of 10·17+5·33 = 335, …
	// one that begins 2.1 s later still has 400 ≥ 0.9·(10·n+5·(50-n)).
	near(t, "start", m.start, 56.2)
	near(t, "down", m.down, math.Inf(1))
	near(t, "up", m.up, math.Inf(1))
	near(t, "outage", m.outage, math.NaN())
}

func TestTimes(t *testing.T) {
	s := basis()
	r := steady(&s, 10, 0)
	for i := bins(60 * time.Second); i < bins(62*time.Second); i++ {
		r.throttled[i], r.offered[i] = 5, 15
	}
	for i := bins(120 * time.Second); i < bins(124*time.Second); i++ {
		r.served[0][i] = 5
	}
	m := measure(s.course(1), r)
	near(t, "start", m.start, 0)
	near(t, "down", m.down, 1.7) // 3 bins of 5 throttled in 3·15+27·10 calls: 4.8 %
	near(t, "up", m.up, 3)       // 10 bins of 5 in a window of 50: 90 %
}

func TestOutage(t *testing.T) {
	s := basis()
	s.changes, s.outage = nil, span{60 * time.Second, 90 * time.Second}
	r := steady(&s, 10, 0)
	for i := bins(60 * time.Second); i < bins(92*time.Second); i++ {
		r.served[0][i], r.offered[i] = 0, 1
	}
	m := measure(s.course(1), r)
	near(t, "goodput", m.goodput, 1480.0/1500)
	near(t, "outage", m.outage, 10)
	near(t, "recovery", m.recovery, 1.5)
}

func TestWindows(t *testing.T) {
	second := func(from, to int) span {
		return span{time.Duration(from) * time.Second, time.Duration(to) * time.Second}
	}
	long := basis()
	long.changes, long.window, long.length, long.clients = nil, 300*time.Second, 930*time.Second, 4
	walk := basis()
	walk.changes, walk.walk = nil, 0.2
	outage := basis()
	outage.changes, outage.outage = nil, second(60, 90)
	foreign := basis()
	foreign.changes, foreign.foreign = nil, second(60, 120)
	for name, c := range map[string]struct {
		s    scenario
		want []span
	}{
		"halved":  {basis(), []span{second(40, 60), second(100, 120), second(160, 180)}},
		"long":    {long, []span{second(30, 330), second(330, 630), second(630, 930)}},
		"walk":    {walk, []span{second(45, 180)}},
		"outage":  {outage, []span{second(40, 60), second(150, 180)}},
		"foreign": {foreign, []span{second(40, 60), second(100, 120), second(160, 180)}},
	} {
		got := c.s.course(1).windows()
		if len(got) != len(c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
			}
		}
	}
}

func TestMeanOfNever(t *testing.T) {
	m := mean([]measures{{goodput: 1, up: 1, down: math.NaN()}, {goodput: 0.5, up: math.Inf(1), down: math.NaN()}})
	near(t, "goodput", m.goodput, 0.75)
	near(t, "up", m.up, math.Inf(1))
	near(t, "down", m.down, math.NaN())
}
