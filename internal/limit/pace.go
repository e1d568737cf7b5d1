package limit

import (
	"math"
	"math/rand/v2"
	"time"
)

// The constants of the search for a rate. Each was chosen by measuring, with
// benchmarks/limiter, on other seeds than those that are shown.
const (
	// paceStart is slow enough for the smallest quota, that of 1 concurrent
	// execution, and is doubled within the first second where there is more.
	paceStart = 20.0
	paceFloor = 0.2 // one every 5 s: with less nothing would be learnt

	// paceDoubling is how often a search doubles the rate: not before the answers
	// to a fair number of invocations at the last rate are there.
	paceDoubling        = 600 * time.Millisecond
	paceDoublingSamples = 10.0

	paceSearchBeta = 0.7 // what a cut leaves while searching: the overshoot may be twofold
	paceBetaSmall  = 0.8 // afterwards, up to paceSmall invocations a second
	paceBetaGreat  = 0.9 // and from paceGreat on: there the next cut can follow within milliseconds
	paceSmall      = 100.0
	paceGreat      = 500.0

	paceRise = 0.2

	paceSearchAgain = 1.5 // times the mark: the quota must be a different one

	// paceBurst is how much of a second's invocations may start at once. To pace
	// costs nothing; bursts meet a quota whose bucket others have emptied.
	paceBurst = 0.010

	// paceFirstBurst is for the first invocations of a process: it has not
	// taken anything from any bucket yet. It comes once.
	paceFirstBurst = 8

	paceFarAbove = 1.5 // times what was measured: nobody has asked for that level of late

	// A service's Retry-After holds all invocations, but for no longer than this.
	paceMaxHold = 30 * time.Second
)

// DefaultProbeInterval is how long after a cut the rate is back where it was
// cut, at 10 invocations a second.
const DefaultProbeInterval = 3 * time.Second

// pace looks for a rate.
type pace struct {
	curve
	bucket *bucket
	probe  time.Duration
}

func newPace(level float64, probe time.Duration) *pace {
	return &pace{
		curve:  curve{level: level, searching: true},
		bucket: newBucket(level, paceFirstBurst),
		probe:  probe,
	}
}

// set makes the bucket follow the level.
func (p *pace) set(now time.Time) {
	p.bucket.set(now, p.level, max(1, int(math.Ceil(p.level*paceBurst))))
}

// held tells the pace that it held invocations back for dt.
func (p *pace) held(dt time.Duration, now time.Time) {
	if p.searching {
		doubling := max(paceDoubling.Seconds(), paceDoublingSamples/p.level)
		p.level *= math.Exp2(dt.Seconds() / doubling)
	} else {
		p.grow(dt, p.interval(), paceRise, 0)
		p.searching = p.level >= paceSearchAgain*p.mark
	}
	p.set(now)
}

// interval is the way back to the mark. A cubic would make it longer and longer
// with the rate; but a longer way finds a new quota later, and a short one
// costs few throttles at great rates. At small ones it has to be longer, for one
// throttle is a greater share there.
func (p *pace) interval() time.Duration {
	var factor float64
	if p.mark >= 10 {
		factor = clamp(math.Cbrt(p.mark/10), 1, 1.5)
	} else {
		factor = math.Min(2.5, math.Sqrt(10/p.mark))
	}
	return time.Duration(float64(p.probe) * factor)
}

// beta is what a cut leaves of a rate.
func (p *pace) beta(level float64) float64 {
	share := clamp((level-paceSmall)/(paceGreat-paceSmall), 0, 1)
	return paceBetaSmall + share*(paceBetaGreat-paceBetaSmall)
}

// throttled cuts the rate, and reports whether it did. measured is what has
// started in the last second: a level that nobody has asked for in a while may be
// far above it, and is not what was too much.
func (p *pace) throttled(measured float64, startedAt, now time.Time) bool {
	tooMuch := p.level
	if far := paceFarAbove * max(measured, 1); tooMuch > far {
		tooMuch = far
	}
	beta := p.beta(tooMuch)
	if p.searching {
		beta = paceSearchBeta
	}
	if !p.cut(tooMuch, beta, paceFloor, startedAt, now) {
		return false
	}
	p.set(now)
	return true
}

// slowStart begins anew, at a share of the rate.
func (p *pace) slowStart(level float64, now time.Time) {
	p.level = max(paceFloor, level)
	p.search()
	p.set(now)
}

// holdFor is how long a Retry-After holds invocations. The jitter keeps
// processes that were told the same from coming back together.
func holdFor(retryAfter time.Duration) time.Duration {
	d := min(retryAfter, paceMaxHold)
	return d + time.Duration(rand.Float64()*0.1*float64(d))
}
