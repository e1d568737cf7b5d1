package lambdatest

import (
	"math"
	"time"
)

// A bucket of tokens. Its level counts billionths of a token, so that whole rates and whole nanoseconds make whole
// numbers, and a token is there at the very nanosecond it is due.
type bucket struct {
	rate
	level float64
	last  time.Time
}

const (
	token    = 1e9
	rounding = 1e-3 // of rates that are not whole numbers
)

func newBucket(r rate, now time.Time) *bucket {
	return &bucket{rate: r, level: float64(r.burst) * token, last: now}
}

func (b *bucket) fill(now time.Time) {
	if math.IsInf(b.perSecond, 1) {
		b.level = token
	} else {
		gain := float64(now.Sub(b.last)) * b.perSecond
		b.level = min(b.level+gain, float64(b.burst)*token)
	}
	b.last = now
}

// has reports whether there is a token. The nil bucket never runs dry.
func (b *bucket) has(now time.Time) bool {
	if b == nil {
		return true
	}
	b.fill(now)
	return b.level >= token-rounding
}

// take takes the token that has saw.
func (b *bucket) take() {
	if b != nil {
		b.level -= token
	}
}

// due is the time until there is a token: negative if there never will be one.
func (b *bucket) due(now time.Time) time.Duration {
	switch {
	case b.has(now):
		return 0
	case b.perSecond == 0 || b.burst == 0:
		return -1
	}
	return time.Duration(math.Ceil((token - rounding - b.level) / b.perSecond))
}

// set changes the rate. What was saved stays, up to the new burst.
func (b *bucket) set(r rate, now time.Time) {
	b.fill(now)
	b.rate = r
	b.level = min(b.level, float64(r.burst)*token)
}
