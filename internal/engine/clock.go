package engine

import (
	"math"
	"time"
)

// instant is a moment in the life of an Engine, monotonic; 0 is none.
type instant time.Duration

// clock tells instants. They take a third of the room of a time.Time, and records have
// several.
type clock struct{ start time.Time }

func (c clock) now() instant { return instant(time.Since(c.start)) + 1 }

// at is the instant of a time.
func (c clock) at(t time.Time) instant { return max(1, instant(1).add(t.Sub(c.start))) }

// add is the instant d later, or the last that there is.
func (i instant) add(d time.Duration) instant {
	if sum := i + instant(d); d < 0 || sum >= i {
		return sum
	}
	return math.MaxInt64
}

func (i instant) sub(j instant) time.Duration { return time.Duration(i - j) }
