package lambdabatch_test

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// simRecord is a record of the simulation, and what became of it.
type simRecord struct {
	order   order
	batcher *simBatcher
	id      string // the caller's; empty: a generated one
	tenant  string
	key     string // OrderingKey
	bad     bool   // has an option that cannot be
	way     way
	at      time.Duration // when it is submitted; or how long it keeps its Map waiting
	timeout time.Duration // of its context; 0: none
	cancel  time.Duration // when its context is canceled, after it is submitted; 0: never

	// What became of it; the model's lock protects it.
	future   *lambdabatch.Future[answer]
	began    time.Time // it was submitted
	returned time.Time // Submit did
	overAt   time.Time // its time is over; zero: never
	canceled bool      // overAt comes of cancel
	ended    time.Time // its outcome was there; zero: nobody has seen it
	value    answer
	err      error
	letters  []lambdabatch.DeadLetter
	sent     []*simInvoke // that carried it
	runs     int          // in the function
}

// way is how a record is submitted.
type way string

const (
	bySubmit way = "Submit"
	byDo     way = "Do"
	byMap    way = "Map"
)

func (r *simRecord) String() string {
	return fmt.Sprintf("record %d (%s, Batcher %d, ID %q, key %q, by %s)", r.order.Key, r.order.Kind, r.batcher.number, r.id, r.key, r.way)
}

func (r *simRecord) options() []lambdabatch.RecordOption {
	var opts []lambdabatch.RecordOption
	if r.id != "" {
		opts = append(opts, lambdabatch.ID(r.id))
	}
	if r.tenant != "" {
		opts = append(opts, lambdabatch.Tenant(r.tenant))
	}
	if r.key != "" {
		opts = append(opts, lambdabatch.OrderingKey(r.key))
	}
	if r.bad {
		opts = append(opts, lambdabatch.Tenant("no such thing!"))
	}
	return opts
}

// context makes the record's context. It can end only if it will, because the Batcher has
// shorter ways for records that cannot leave.
func (r *simRecord) context(of context.Context) (context.Context, func()) {
	ctx := context.WithValue(context.WithoutCancel(of), contextKey{}, r)
	var ends []func()
	if r.timeout > 0 {
		var end func()
		ctx, end = context.WithTimeout(ctx, r.timeout)
		ends = append(ends, end)
	}
	if r.cancel > 0 {
		canceled, cancel := context.WithCancelCause(ctx)
		timer := time.AfterFunc(r.cancel, func() { cancel(errLie) })
		ctx = canceled
		ends = append(ends, func() { timer.Stop(); cancel(nil) })
	}
	return ctx, func() {
		for _, end := range ends {
			end()
		}
	}
}

// begins notes that r is submitted now, with a context that was made at made.
func (r *simRecord) begins(made time.Time) {
	r.began = time.Now()
	over := func(at time.Time, canceled bool) {
		if r.overAt.IsZero() || at.Before(r.overAt) {
			r.overAt, r.canceled = at, canceled
		}
	}
	if r.timeout > 0 {
		over(made.Add(r.timeout), false)
	}
	if r.batcher.delivery > 0 {
		over(r.began.Add(r.batcher.delivery), false)
	}
	if r.cancel > 0 {
		over(made.Add(r.cancel), true)
	}
}
