package limit

import (
	"time"

	"golang.org/x/time/rate"
)

// maxWait keeps what is waited for within what a Duration holds.
const maxWait = float64(1 << 62)

// bucket is a token bucket: a rate.Limiter that nobody waits in. Its own
// waiters keep the schedule of the rate at which they came, and lose capacity
// when they leave; here tokens are only looked at and taken, under the mutex
// of the Limiter and by one clock, which makes it exact. The nil bucket is
// without limit.
type bucket struct {
	tokens *rate.Limiter
}

func newBucket(perSecond float64, burst int) *bucket {
	return &bucket{tokens: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// set changes the rate and the burst.
func (b *bucket) set(now time.Time, perSecond float64, burst int) {
	b.tokens.SetLimitAt(now, rate.Limit(perSecond))
	if burst != b.tokens.Burst() {
		b.tokens.SetBurstAt(now, burst)
	}
}

// wait is how long it takes until there is a token.
func (b *bucket) wait(now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	missing := 1 - b.tokens.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	// Rounded down as rate.Limiter does, so that take and wait agree.
	return time.Duration(min(missing/float64(b.tokens.Limit())*float64(time.Second), maxWait))
}

// take takes a token, which wait has found to be there.
func (b *bucket) take(now time.Time) Token {
	if b == nil {
		return Token{}
	}
	t := Token{at: now, of: b.tokens.TokensAt(now)}
	b.tokens.AllowN(now, 1)
	return t
}

// giveBack returns a token that was not used.
func (b *bucket) giveBack(now time.Time, t Token) {
	if b != nil && t.fits(b.tokens, now) {
		b.tokens.ReserveN(now, -1)
	}
}

// Token is one that was taken out of a bucket.
type Token struct {
	at time.Time
	of float64 // so many that there were
}

// fits tells whether the bucket can take t back. It cannot if without t it might have
// been full meanwhile: then another has come in its place.
func (t Token) fits(bucket *rate.Limiter, now time.Time) bool {
	grown := t.of + now.Sub(t.at).Seconds()*float64(bucket.Limit())
	return grown <= float64(bucket.Burst())+tokenSlack
}

// tokenSlack is the part of a token that comes while a permit is looked at that is
// of no use to anybody.
const tokenSlack = 1e-4
