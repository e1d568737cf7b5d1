package limit

import (
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Ceiling is what a scope must never exceed. The zero Ceiling is without limit.
type Ceiling struct {
	PerSecond float64 // invocations started; 0 is without limit
	Burst     int     // of them, at once
	InFlight  int     // invocations at a time; 0 is without limit
}

// scope is what an account or a function may still start: up to its ceilings,
// and below them to what its two controllers have found. A controller is nil
// as long as there is no reason to look for a quota of that kind.
type scope struct {
	ceiling  Ceiling
	rate     *bucket // of the ceiling
	pace     *pace
	slots    *slots
	holding  time.Time // nothing starts before
	inFlight int
	meter    meter
	refused  int // times in a row that a single invocation was one too many

	throttles map[types.ThrottleReason]uint64
}

func newScope(c Ceiling) scope {
	s := scope{ceiling: c, throttles: make(map[types.ThrottleReason]uint64)}
	if c.PerSecond > 0 && !math.IsInf(c.PerSecond, 1) {
		s.rate = newBucket(c.PerSecond, c.Burst)
	}
	return s
}

// seek makes the scope look for its quotas from the first invocation on.
func (s *scope) seek(probe time.Duration) {
	s.pace = newPace(paceStart, probe)
	s.slots = newSlots(slotsStart)
}

// holder is a controller that can learn how long it held invocations back.
type holder interface {
	held(dt time.Duration, now time.Time)
}

// wait is how long it takes until the scope lets one more start: never by time
// alone, if it has no slot. by is the controller that stands in the way; nil if
// it is something else.
func (s *scope) wait(now time.Time) (d time.Duration, never bool, by holder) {
	if s.ceiling.InFlight > 0 && s.inFlight >= s.ceiling.InFlight {
		return 0, true, nil
	}
	if s.slots != nil && s.slots.full(s.inFlight) {
		return 0, true, s.slots
	}
	d = max(s.rate.wait(now), s.holding.Sub(now), 0)
	if s.pace != nil {
		if own := s.pace.bucket.wait(now); own > d {
			return own, false, s.pace
		}
	}
	return d, false, nil
}

// start counts an invocation. The token is for unused.
func (s *scope) start(now time.Time) Token {
	s.inFlight++
	if s.pace != nil {
		s.pace.bucket.take(now)
	}
	s.meter.count(now)
	return s.rate.take(now)
}

// unused takes back what start did.
func (s *scope) unused(now time.Time, t Token) {
	s.inFlight--
	s.rate.giveBack(now, t)
	if s.pace != nil { // perhaps another one by now; it is no promise
		s.pace.bucket.giveBack(now, Token{at: now})
	}
}

// ended takes in that an invocation is over.
func (s *scope) ended() { s.inFlight-- }

// succeeded takes in that the scope let an invocation through that took d, when
// so many were in flight.
func (s *scope) succeeded(d time.Duration, inFlight int) {
	s.refused = 0
	if s.slots != nil {
		s.slots.succeeded(d, inFlight)
	}
	s.forget()
}

// forget drops a controller that has found at least what the ceiling allows:
// then the ceiling says it all.
func (s *scope) forget() {
	if c := s.ceiling.PerSecond; c > 0 && s.pace != nil && s.pace.level >= c {
		s.pace = nil
	}
	if c := s.ceiling.InFlight; c > 0 && s.slots != nil && s.slots.level >= float64(c) {
		s.slots = nil
	}
}

// hold lets nothing start until then.
func (s *scope) hold(until time.Time) {
	if until.After(s.holding) {
		s.holding = until
	}
}

// rateShort cuts the rate, and reports whether it did.
func (s *scope) rateShort(probe time.Duration, startedAt, now time.Time) bool {
	measured := s.meter.perSecond(now)
	if s.pace == nil {
		s.pace = newPace(max(measured, paceFloor), probe)
	}
	return s.pace.throttled(measured, startedAt, now)
}

// slotsShort cuts the number in flight, and reports whether it did.
func (s *scope) slotsShort(inFlight int, startedAt, now time.Time) bool {
	if s.slots == nil {
		s.slots = newSlots(float64(inFlight))
	}
	if inFlight == 1 {
		pause := min(slotsPauseMax, slotsPause<<min(s.refused, 8))
		s.refused++
		s.hold(now.Add(pause))
	}
	return s.slots.throttled(inFlight, startedAt, now)
}
