package main

import (
	"math"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// cubic is the SDK's adaptive mode with the same constants and without its
// faults: a throttle of a call that was sent before the last cut does not cut
// again, who waits is served first come, first served, and evenly instead of by
// the second, it starts slowly, and it goes back to the rate at which it was
// throttled, not to what it measured, which lags behind.
type cubic struct {
	tokens  tokens
	max     float64   // the rate at the last throttle
	cut     time.Time // the last throttle's
	slow    bool      // no throttle so far
	doubled time.Time

	counted  int // answers in the measure's bucket
	bucket   time.Time
	measured float64 // answers a second
}

const (
	cubicBeta   = 0.7
	cubicScale  = 0.4
	cubicSmooth = 0.8
	cubicFloor  = 0.5
	cubicStart  = 10 // a second
	cubicPace   = 10 * time.Millisecond
	cubicBucket = time.Second / 2
)

func newCubic(now time.Time) *cubic {
	return &cubic{
		tokens:  tokens{rate: cubicStart, depth: 1, level: 1, last: now},
		slow:    true,
		doubled: now,
		bucket:  now,
	}
}

func (c *cubic) take(now time.Time) (bool, time.Duration) { return c.tokens.take(now) }

func (c *cubic) release(sent, now time.Time, f lambdabatch.Feedback) {
	switch f.Use {
	case lambdabatch.NotUsed:
		c.tokens.level++
		return
	case lambdabatch.Failed: // no throttle, to the SDK
	case lambdabatch.Succeeded, lambdabatch.Throttled:
	}
	c.measure(now)
	rate := c.tokens.rate
	switch {
	case f.Use == lambdabatch.Throttled:
		if !c.slow && !sent.After(c.cut) {
			return
		}
		c.max = rate
		c.cut, c.slow = now, false
		rate = cubicBeta * c.max
	case c.slow:
		if now.Sub(c.doubled) < time.Second || c.measured < rate/2 {
			return
		}
		c.doubled = now
		rate *= 2
	default:
		k := math.Cbrt(c.max * (1 - cubicBeta) / cubicScale)
		rate = min(c.max+cubicScale*math.Pow(now.Sub(c.cut).Seconds()-k, 3), 2*c.measured)
	}
	rate = max(rate, cubicFloor)
	c.tokens.set(now, rate, max(1, rate*cubicPace.Seconds()))
}

// measure counts answers by half seconds, and smooths them.
func (c *cubic) measure(now time.Time) {
	c.counted++
	if d := now.Sub(c.bucket).Truncate(cubicBucket); d > 0 {
		c.measured = cubicSmooth*float64(c.counted)/d.Seconds() + (1-cubicSmooth)*c.measured
		c.counted = 0
		c.bucket = c.bucket.Add(d)
	}
}

func (c *cubic) idea(time.Time) idea { return idea{c.tokens.rate, math.Inf(1)} }

func cubicCallers(b *bench) ([]caller, error) {
	return each(b, func() (lambdabatch.Limiter, error) {
		l := newPacer(newCubic(time.Now()))
		b.think(l.idea)
		return l, nil
	})
}
