package lambdabatch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/decode"
	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// Future is the outcome of one record, to come. Its methods may be called
// concurrently, any number of times, and it may be dropped: a record goes its
// way whether or not anybody waits for it.
type Future[Out any] struct {
	core   *core
	record engine.Record
	done   atomic.Pointer[chan struct{}] // made by the first who asks; closedDone when the outcome is there
	out    Out
	err    error
}

// closedDone is the done of all futures that have their outcome.
var closedDone = func() *chan struct{} {
	c := make(chan struct{})
	close(c)
	return &c
}()

// ID is the record's ID: the caller's, or a generated one.
func (f *Future[Out]) ID() string { return f.record.ID }

// Done returns a channel that is closed when the outcome is there.
func (f *Future[Out]) Done() <-chan struct{} {
	if done := f.done.Load(); done != nil {
		return *done
	}
	done := make(chan struct{})
	if f.done.CompareAndSwap(nil, &done) {
		return done
	}
	return *f.done.Load()
}

func (f *Future[Out]) resolved() bool { return f.done.Load() == closedDone }

// Await waits for the outcome: the value that the function gave for the record,
// or the error that the record ended with. The end of ctx ends only the wait,
// with an error that wraps ctx.Err(), and not the record's way.
func (f *Future[Out]) Await(ctx context.Context) (Out, error) {
	if f.resolved() {
		return f.out, f.err
	}
	done := f.Done()
	select {
	case <-done: // an outcome that is there counts more than a context that has ended
		return f.out, f.err
	default:
	}
	select {
	case <-done:
		return f.out, f.err
	case <-ctx.Done():
		var none Out
		return none, fmt.Errorf("lambdabatch: waiting for record %s: %w", f.ID(), ctx.Err())
	}
}

// Attempt is one invocation that carried a record.
type Attempt struct {
	RequestID string        // AWS's, empty if no answer came
	BatchSize int           // records in the invocation
	Wait      time.Duration // from Submit to the start of the invocation
	Duration  time.Duration // of the invocation; 0 if the record's context ended meanwhile
	Certainty Certainty     // whether the function ran
	Err       error         // nil: it gave the record's value
}

// Attempts tells of each invocation that carried the record, in order. It
// returns nil until the outcome is there.
func (f *Future[Out]) Attempts() []Attempt {
	if !f.resolved() {
		return nil
	}
	return attemptsOf(&f.record)
}

func attemptsOf(r *engine.Record) []Attempt {
	all := r.Attempts()
	if all == nil {
		return nil
	}
	attempts := make([]Attempt, len(all))
	for i, a := range all {
		attempts[i] = Attempt{a.RequestID, a.BatchSize, a.Wait, a.Duration, Certainty(a.Certainty), a.Err}
	}
	return attempts
}

// resolver is the Future as its record's owner, so that its methods are not among
// those that users see.
type resolver[Out any] Future[Out]

// Resolve makes o the future's outcome for all time, but for what Bury adds.
func (r *resolver[Out]) Resolve(o engine.Outcome) {
	f := (*Future[Out])(r)
	f.err = o.Err
	f.resolve(o.Data, decoding)
}

// Verdict is what the future's outcome amounts to.
func (r *resolver[Out]) Verdict() engine.Verdict {
	f := (*Future[Out])(r)
	switch {
	case f.err == nil:
		return engine.Succeeded
	case f.resolved():
		return engine.Failed
	default:
		return engine.Unburied
	}
}

// Bury gives the record to the dead letter function.
func (r *resolver[Out]) Bury() {
	f := (*Future[Out])(r)
	exited := true
	defer func() {
		if exited { // runtime.Goexit in the dead letter function
			f.err = &buryError{f.err, engine.ErrExited}
		}
		f.close()
	}()
	f.err = f.core.bury(&f.record, f.err)
	exited = false
}

// resolution is a step of resolving a future.
type resolution uint8

// The steps, in their order.
const (
	decoding resolution = iota
	telling             // the hooks
	resolved
)

// resolve takes the steps from this one on. If code of the user's ends the goroutine
// in one (runtime.Goexit), those after it are taken all the same.
func (f *Future[Out]) resolve(data []byte, step resolution) {
	defer func() {
		if step < resolved {
			f.err = &InvokeError{
				Function: f.core.config.function, Certainty: CertaintyOf(f.err), Err: errors.Join(f.err, engine.ErrExited),
			}
			if step == decoding {
				f.record.SetLastError(f.err)
			}
			f.resolve(nil, step+1)
		}
	}()
	if step == decoding {
		if f.err == nil && data != nil {
			d := f.core.decoder.(*decode.Decoder[Out])
			if f.err = decodeResult(d, data, &f.out, &f.record); f.err != nil {
				f.record.SetLastError(f.err)
			}
		}
		step = telling
	}
	if step == telling {
		f.err = f.core.resolved(&f.record, f.err)
		step = resolved
	}
	if f.err != nil {
		f.out = *new(Out)
	}
	if f.err == nil || f.core.config.deadLetter == nil || !f.record.TakenIn() {
		f.close()
	}
}

// close lets those go on who wait for the outcome.
func (f *Future[Out]) close() {
	if waited := f.done.Swap(closedDone); waited != nil {
		close(*waited)
	}
}
