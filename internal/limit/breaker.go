package limit

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// breaker stops the invocations of a function while Lambda does not answer, or
// only with its own errors, and lets single ones through to see whether it is
// back.
type breaker struct {
	failed  uint32 // the last outcomes, a bit each; the newest is the lowest
	seen    int    // of them
	open    bool
	until   time.Time // the next probe is not before
	probing bool      // it is under way
	probes  int       // that failed, since it opened
}

// wait is how long the breaker holds invocations back: never ends by time alone
// while a probe is under way.
func (b *breaker) wait(now time.Time) (d time.Duration, never bool) {
	if !b.open {
		return 0, false
	}
	return max(0, b.until.Sub(now)), b.probing
}

// started reports whether the invocation that starts is a probe.
func (b *breaker) started() bool {
	b.probing = b.open
	return b.probing
}

// ended takes an outcome in, and reports whether it opened or closed the breaker;
// and if it closed, whether the service was really away, and not just a
// connection lost with all that were under way on it.
func (b *breaker) ended(failed, probe bool, now time.Time) (opened, closed, away bool) {
	switch {
	case probe:
		b.probing = false
		if !failed {
			away = b.probes > 0
			*b = breaker{}
			return false, true, away
		}
		b.probes++
		b.pause(now)
	case b.open: // it was under way when the breaker opened
	default:
		b.failed <<= 1
		if failed {
			b.failed |= 1
		}
		b.seen = min(b.seen+1, breakerWindow)
		inARow := bits.TrailingZeros32(^b.failed)
		if inARow >= breakerInARow || b.seen >= breakerLeast && bits.OnesCount32(b.failed)*breakerShare >= b.seen {
			b.open = true
			b.pause(now)
			return true, false, false
		}
	}
	return false, false, false
}

// unused takes back a probe that was not sent.
func (b *breaker) unused() { b.probing = false }

// pause sets when to probe next: later from time to time, and at random, for all
// processes find the service down at the same moment.
func (b *breaker) pause(now time.Time) {
	longest := min(breakerLongest, breakerFirst<<min(b.probes, 8))
	b.until = now.Add(longest/2 + rand.N(longest/2))
}
