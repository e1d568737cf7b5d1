package limit

import "time"

// Ceiling is what a scope must never exceed. The zero Ceiling is without limit.
type Ceiling struct {
	PerSecond float64 // invocations started; 0 is without limit
	Burst     int     // of them, at once
	InFlight  int     // invocations at a time; 0 is without limit
}

// scope is what an account or a function may still start.
type scope struct {
	rate     *bucket
	slots    int // 0 is without limit
	inFlight int
}

func newScope(c Ceiling) scope {
	s := scope{slots: c.InFlight}
	if c.PerSecond > 0 {
		s.rate = newBucket(c.PerSecond, c.Burst)
	}
	return s
}

// wait is how long it takes until the scope lets one more start: never, until
// another ends, if it has no slot.
func (s *scope) wait(now time.Time) (d time.Duration, never bool) {
	if s.slots > 0 && s.inFlight >= s.slots {
		return 0, true
	}
	return s.rate.wait(now), false
}

func (s *scope) start(now time.Time) {
	s.inFlight++
	s.rate.take(now)
}

func (s *scope) end() { s.inFlight-- }
