package limitertest

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/lambdabatch/lambdabatch"
)

// Ceilings are what a limiter for one check must not exceed, for all functions
// together.
type Ceilings struct {
	PerSecond float64 // invocations started in a second; 0 is without limit
	Burst     int     // and how many at once after a pause; at least 1 if PerSecond is given
	InFlight  int     // invocations at a time; 0 is without limit
}

// String names which ceilings there are.
func (c Ceilings) String() string {
	switch {
	case c.PerSecond > 0 && c.InFlight > 0:
		return "RateAndInFlight"
	case c.PerSecond > 0:
		return "Rate"
	default:
		return "InFlight"
	}
}

// Option is a setting of [Run].
type Option interface{ apply(*suite) }

type optionFunc func(*suite)

func (f optionFunc) apply(s *suite) { f(s) }

// RealTime runs the checks by the clock and outside of bubbles, for limiters that
// use a network or a disk. They take less than a minute, check less, and are generous
// about time: 250 ms more or less do no harm. Default: in bubbles.
func RealTime() Option {
	return optionFunc(func(s *suite) { s.pace = byTheClock })
}

// suite is one call of Run.
type suite struct {
	factory func(*testing.T, Ceilings) lambdabatch.Limiter
	pace    pace
	skipped int // checks that the factory cannot make a limiter for
}

// Run checks the limiters that factory makes, as subtests of t. factory is called
// more than once for each check, and makes a new limiter each time, which shares
// nothing with those before. If there cannot be one with these ceilings, it calls
// t.Skip: that leaves the check out. Run fails if factory skips all of them.
func Run(t *testing.T, factory func(t *testing.T, c Ceilings) lambdabatch.Limiter, opts ...Option) {
	t.Helper()
	s := &suite{factory: factory, pace: inBubble}
	for _, o := range opts {
		o.apply(s)
	}
	total := 0
	for _, r := range rules {
		total += len(r.with)
		t.Run(r.name, func(t *testing.T) {
			for _, with := range r.with {
				t.Run(with.String(), func(t *testing.T) { s.run(t, r, with) })
			}
		})
	}
	if s.skipped == total {
		t.Errorf("limitertest: nothing was checked: the factory made no limiter for any of the %d checks", total)
	}
}

// run applies one rule to limiters with one set of ceilings.
func (s *suite) run(t *testing.T, r rule, with Ceilings) {
	t.Helper()
	skipped := false
	body := func(t *testing.T) {
		t.Helper()
		defer func() { skipped = t.Skipped() }()
		t.Logf("Rule: %s", r.text)
		t.Logf("Why: %s", r.why)
		c := &check{pace: s.pace, t: t, factory: s.factory, ceilings: with, name: t.Name()}
		c.watch()
		r.check(c)
	}
	if s.pace.real {
		body(t)
	} else {
		s.bubble(t, body)
	}
	if skipped {
		s.skipped++
		t.Skipf("limitertest: the factory makes no limiter with the ceilings %s", with.describe())
	}
}

// bubble runs body in a bubble. A limiter that leaves a goroutine behind, or that
// blocks all there are, must not take the other checks with it.
func (s *suite) bubble(t *testing.T, body func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("limitertest: the check did not come to an end: %v", p)
		}
	}()
	synctest.Test(t, body)
}

func (c Ceilings) describe() string {
	text := ""
	if c.PerSecond > 0 {
		text = fmt.Sprintf("%v a second and a burst of %d", c.PerSecond, c.Burst)
	}
	if c.InFlight > 0 {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d in flight", c.InFlight)
	}
	return text
}
