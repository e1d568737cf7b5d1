package limit

import (
	"math"
	"math/rand/v2"
	"time"
)

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
// costs few throttles at great rates.
func (p *pace) interval() time.Duration {
	return time.Duration(float64(p.probe) * clamp(math.Sqrt(paceSlow/p.mark), 1, paceSlowest))
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
	beta, searching := p.beta(tooMuch), p.searching
	if searching {
		beta = paceSearchBeta
	}
	if !p.cut(tooMuch, beta, paceYield, paceFloor, startedAt, now) {
		return false
	}
	if searching {
		p.mark = max(p.level, paceSearchMark*tooMuch)
		p.depth = 1 - p.level/p.mark
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
