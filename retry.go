package lambdabatch

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// FullJitter is a [backoff.BackOff] whose nth delay, counted from 0, is uniform
// in [0, min(limit, base·2ⁿ)). It never stops. Of the ways to spread retries this
// one needs the fewest calls (AWS Architecture Blog, "Exponential Backoff And
// Jitter"). A base or limit of 0 or less makes all delays 0.
//
// Like any BackOff it has a state, and is for one goroutine at a time.
func FullJitter(base, limit time.Duration) backoff.BackOff {
	return &fullJitter{base: base, limit: limit}
}

type fullJitter struct {
	base, limit time.Duration
	n           int // delays given
}

func (j *fullJitter) NextBackOff() time.Duration {
	if j.base <= 0 || j.limit <= 0 {
		return 0
	}
	bound := j.bound()
	j.n++
	return rand.N(bound)
}

// bound is min(limit, base·2ⁿ), which may be more than a Duration holds.
func (j *fullJitter) bound() time.Duration {
	if j.n >= 63 || j.base > j.limit>>j.n {
		return j.limit
	}
	return j.base << j.n
}

func (j *fullJitter) Reset() { j.n = 0 }
