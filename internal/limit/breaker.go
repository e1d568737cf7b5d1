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
	failed uint32 // the last outcomes, a bit each; the newest is the lowest
	seen   int    // of them
	open   bool
	until  time.Time // the next probe is not before
	probes int       // that failed, since it opened
}

// wait is how long the breaker holds invocations back.
func (b *breaker) wait(now time.Time) time.Duration {
	if !b.open {
		return 0
	}
	return max(0, b.until.Sub(now))
}

// started reports whether the invocation that starts is a probe. The next one has
// to wait for its outcome, if that comes soon.
func (b *breaker) started(now time.Time) bool {
	if b.open {
		b.until = now.Add(breakerPatience)
	}
	return b.open
}

// ended takes an outcome in, and reports whether it opened or closed the breaker;
// and if it closed, whether the service was really away, and not just a
// connection lost with all that were under way on it.
func (b *breaker) ended(failed, probe bool, now time.Time) (opened, closed, away bool) {
	switch {
	case probe && !b.open: // an earlier probe, after a later one has closed it
	case probe:
		if !failed {
			away = b.probes > 0
			*b = breaker{}
			return false, true, away
		}
		b.probes++
		b.pause(now)
	case b.open: // it was under way when the breaker opened
	default:
		b.failed = b.failed << 1 & (1<<breakerWindow - 1)
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
func (b *breaker) unused(now time.Time) { b.until = now }

// pause sets when to probe next: later from time to time, and at random, for all
// processes find the service down at the same moment.
func (b *breaker) pause(now time.Time) {
	longest := min(breakerLongest, breakerFirst<<min(b.probes, 8))
	b.until = now.Add(longest/2 + rand.N(longest/2))
}
