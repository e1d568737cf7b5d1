package limit

import (
	"math"
	"time"
)

// slots looks for a number of invocations in flight.
type slots struct {
	curve
	duration time.Duration // of an invocation, smoothed
}

func newSlots(level float64) *slots {
	return &slots{curve: curve{level: level, searching: true}}
}

// full tells whether one more in flight would be too many. One always may be, or
// nothing would be learnt any more.
func (s *slots) full(inFlight int) bool { return inFlight > 0 && float64(inFlight+1) > s.level }

// held tells the slots that they held invocations back for dt.
func (s *slots) held(dt time.Duration, _ time.Time) {
	if s.searching {
		// Successes move it faster; but invocations of minutes tell nothing for long.
		s.level *= math.Exp2(dt.Seconds() / slotsDoubling.Seconds())
		return
	}
	s.grow(dt, s.interval(), slotsRise, slotsSlope)
	s.searching = s.level >= slotsSearchAgain*s.mark+1
}

func (s *slots) interval() time.Duration {
	return min(slotsIntervalMax, max(slotsIntervalMin, slotsDurations*s.duration))
}

// succeeded tells the slots of an invocation that took d, while so many were in
// flight.
func (s *slots) succeeded(d time.Duration, inFlight int) {
	if s.duration == 0 {
		s.duration = d
	}
	s.duration += time.Duration(slotsSmoothing * float64(d-s.duration))
	if s.searching && float64(inFlight) >= slotsInUse*s.level {
		s.level += slotsSearchStep
	}
}

// throttled cuts the number to less than there was when the refused one
// started, and reports whether it did.
func (s *slots) throttled(inFlight int, startedAt, now time.Time) bool {
	tooMuch := min(s.level, float64(inFlight))
	beta := slotsBeta
	if startedAt.Sub(s.cutAt) < hasteWithin {
		beta = slotsHasteBeta
	}
	return s.cut(tooMuch, beta, slotsYield, 1, startedAt, now)
}
