package limit

import (
	"math"
	"time"
)

// curve is where a controller looks for a quota that it cannot see: a level that
// grows as long as it is what holds invocations back, and is cut when one is
// throttled.
//
// It searches at first, with great steps. From the first cut on it follows a
// cubic around the level at which it was cut (its mark): quickly back towards it,
// slowly past it, where most likely the quota still is, and then faster and faster.
type curve struct {
	level     float64
	mark      float64       // the level that was too much
	depth     float64       // what share of the mark the cut took away
	tau       time.Duration // how long the level has held invocations back since the cut
	cutAt     time.Time
	searching bool
}

// grow moves the level along the cubic by dt. k is how long the way back to the
// mark takes; rise is the share of the mark that is won in as long again; slope is
// what is added every second, so that small levels move at all.
func (c *curve) grow(dt, k time.Duration, rise, slope float64) {
	c.tau += dt
	u := c.tau.Seconds()/k.Seconds() - 1
	scale := c.depth
	if u > 0 {
		scale = rise
	}
	c.level = c.mark*(1+scale*u*u*u) + slope*c.tau.Seconds()
}

// cut takes the level down to the share beta of what turned out to be too much,
// and reports whether it did. It does so once for all invocations that were
// started under the same level: what they tell is one and the same. yield is the part
// of the cut that is taken off the mark, too, when that was too high.
func (c *curve) cut(tooMuch, beta, yield, floor float64, startedAt, now time.Time) bool {
	if !startedAt.After(c.cutAt) {
		return false
	}
	mark := tooMuch
	if !c.searching && tooMuch < c.mark {
		// The quota shrinks, or others take their share: leave them some room.
		mark = tooMuch * (1 - yield*(1-beta))
	}
	c.level = max(floor, tooMuch*beta)
	c.mark = max(mark, c.level)
	c.depth = 1 - c.level/c.mark
	c.tau, c.cutAt, c.searching = 0, now, false
	return true
}

// search lets the level go up in great steps again.
func (c *curve) search() {
	c.searching, c.tau, c.mark = true, 0, 0
}

func clamp(x, low, high float64) float64 { return math.Max(low, math.Min(high, x)) }
