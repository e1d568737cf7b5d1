package main

import (
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// oracle knows the quota, as it will be when a call gets there. It keeps a token of the
// bucket in hand.
type oracle struct {
	course   course
	start    time.Time
	tokens   tokens
	inFlight int
}

func newOracle(c course, now time.Time) *oracle {
	o := &oracle{course: c, start: now}
	o.tokens = tokens{last: now}
	o.follow(now)
	o.tokens.level = o.tokens.depth
	return o
}

// follow sets the bucket to the lower of the quota now and the quota when a call
// sent now gets there.
func (o *oracle) follow(now time.Time) (slots int) {
	at := now.Sub(o.start)
	then := at + roundTrip/2
	c := o.course
	factor := min(c.factor(at), c.factor(then))
	o.tokens.set(now, max(1e-3, min(c.freeRate(at), c.freeRate(then))), max(1, float64(c.burst(factor))-1))
	return c.slots(factor)
}

func (o *oracle) take(now time.Time) (bool, time.Duration) {
	slots := o.follow(now)
	const later = roundTrip / 2
	if at := now.Sub(o.start); o.course.outage.has(at) || o.course.outage.has(at+roundTrip/2) {
		return false, later
	}
	if o.inFlight >= slots {
		return false, later
	}
	ok, again := o.tokens.take(now)
	if ok {
		o.inFlight++
	}
	return ok, min(again, later)
}

func (o *oracle) release(_, _ time.Time, f lambdabatch.Feedback) {
	o.inFlight--
	if f.Use == lambdabatch.NotUsed {
		o.tokens.level++
	}
}

func (o *oracle) idea(now time.Time) idea {
	slots := o.follow(now)
	return idea{o.tokens.rate, float64(slots)}
}

func oracleCallers(b *bench) ([]caller, error) {
	l := newPacer(newOracle(b.course, b.start))
	b.think(l.idea)
	return each(b, func() (lambdabatch.Limiter, error) { return l, nil })
}

func oracleStrategy() strategy {
	return strategy{name: oracleName, note: "knows the quota; one for all clients", part: 1, callers: oracleCallers}
}
