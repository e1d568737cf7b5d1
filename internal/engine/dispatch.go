package engine

import (
	"context"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// askPermit sees to it that a goroutine asks for a permit while a lane is
// ready, and that none does when none is. One asks at a time: a permit is for
// the function, and which records use it is decided when it is there.
func (e *Engine) askPermit() {
	switch {
	case e.ready.first == nil:
		if e.cancelAsk != nil {
			e.cancelAsk()
			e.ask, e.cancelAsk = nil, nil
		}
	case !e.asking && !e.killed:
		e.asking = true
		e.running++
		go e.run()
	}
}

// run is the goroutine of an invocation. It begins by asking for the permit;
// with the permit in hand it leaves the asking to another, and sends.
func (e *Engine) run() {
	for {
		if b, release := e.nextBatch(); b != nil {
			e.fly(b, release)
		}
		if !e.askAgain() {
			return
		}
	}
}

// askAgain makes the goroutine that is done with its invocation the asking one,
// if one is needed, and otherwise counts it out.
func (e *Engine) askAgain() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready.first != nil && !e.asking && !e.killed {
		e.asking = true
		return true
	}
	e.running--
	e.advance()
	return false
}

// nextBatch waits for the permit and seals a batch for it. There is none when
// meanwhile all have gone, or the Engine was killed.
func (e *Engine) nextBatch() (*Batch, func(*Answer)) {
	for {
		ctx := e.askContext()
		release, err := e.acquire(ctx)
		e.mu.Lock()
		if err != nil && ctx.Err() != nil && e.ready.first != nil && !e.killed {
			// Called off when the last lane went, but another has come.
			e.mu.Unlock()
			continue
		}
		var b *Batch
		var over []done
		if err == nil || ctx.Err() == nil {
			b, over = e.seal(e.clock.now(), err)
		}
		e.asking = false
		e.askPermit()
		e.mu.Unlock()
		e.finishAside(over)
		if b == nil && err == nil {
			e.guard("the limiter", func() { release(nil) })
		}
		return b, release
	}
}

// askContext ends when no permit is needed any more.
func (e *Engine) askContext() context.Context {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready.first == nil {
		return ended
	}
	if e.ask == nil {
		e.ask, e.cancelAsk = context.WithCancel(e.stop)
	}
	return e.ask
}

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (e *Engine) acquire(ctx context.Context) (release func(*Answer), err error) {
	exited := true
	defer func() {
		if exited { // runtime.Goexit in a Limiter: another goroutine takes over
			go e.refuseNext()
		}
	}()
	panicked := e.cfg.Guard("the limiter", func() { release, err = e.cfg.Acquire(ctx) })
	exited = false
	if panicked != nil {
		return nil, panicked
	}
	return release, err
}

// refuseNext goes on where a goroutine has ended that was asking for a permit.
func (e *Engine) refuseNext() {
	e.mu.Lock()
	b, over := e.seal(e.clock.now(), ErrExited)
	e.asking = false
	e.askPermit()
	e.mu.Unlock()
	e.finishAside(over)
	if b != nil {
		e.fly(b, nil)
	}
	if e.askAgain() {
		e.run()
	}
}

// seal makes the next batch of the lane that has been ready longest, and ends the
// records in it whose time is over. limiterErr is why the batch has no permit and
// must fail.
func (e *Engine) seal(now instant, limiterErr error) (*Batch, []done) {
	l := e.ready.first
	if l == nil || e.killed {
		return nil, nil
	}
	l.comeBack(now)
	b := &Batch{Tenant: l.tenant, Reason: l.ready, limiterErr: limiterErr}
	var over []*Record
	if l.nextPiece() != nil {
		b.piece, b.Bytes, over = l.sealPiece(now)
		b.Records, b.Reason, b.Sealed = b.piece.records, Split, b.piece.sealed
	} else {
		b.Records, b.Bytes, over = l.seal(now)
		if len(b.Records) == l.portion.records {
			b.Reason = Full // perhaps only since it became ready
		}
	}
	if e.cfg.Resend && b.Sealed == nil {
		b.Sealed = new(Sealed)
		if b.piece != nil {
			b.piece.sealed = b.Sealed
		}
	}
	var ends []done
	for _, r := range over {
		ends = append(ends, done{r, r.end(r.overCause())})
		e.settle(r)
	}
	if len(b.Records) > 0 {
		b.Flight = &Flight{Size: len(b.Records), start: now}
		for _, r := range b.Records {
			r.fly(b.Flight)
		}
		e.flights[b] = struct{}{}
		e.counts.sealed(b)
	}

	// The lane goes to the end of the line, if it is still ready.
	l.moveTo(nil)
	l.ready = NotReady
	e.update(l, now)
	if len(b.Records) == 0 {
		return nil, ends
	}
	return b, ends
}

// fly makes the invocation of a batch and deals with what came of it.
func (e *Engine) fly(b *Batch, release func(*Answer)) {
	if b.limiterErr != nil {
		e.land(b, &Answer{
			Err:   e.cfg.Refused(b.limiterErr),
			Fault: fault.Fault{Class: fault.Transient, Certainty: fault.NotExecuted},
		})
		return
	}
	answer := Answer{Err: ErrExited, Fault: fault.Fault{Class: fault.Permanent, Certainty: fault.MaybeExecuted}}
	released, landed := false, false
	defer func() {
		if landed {
			return
		}
		// runtime.Goexit: this goroutine ends, whatever is done here, and another does
		// what is left.
		go func() {
			if !released {
				e.guard("the limiter", func() { release(&answer) })
			}
			e.land(b, &Answer{Err: ErrExited, Fault: fault.Fault{Class: fault.Permanent, Certainty: answer.Fault.Certainty}})
			if e.askAgain() {
				e.run()
			}
		}()
	}()
	if err := e.cfg.Guard("the invocation", func() { answer = e.cfg.Send(e.stop, b) }); err != nil {
		answer.Err = err
	}
	released = true
	e.guard("the limiter", func() { release(&answer) })
	e.land(b, &answer)
	landed = true
	if answer.Free != nil {
		answer.Free()
	}
}

// guard runs code of others that no record waits for.
func (e *Engine) guard(in string, f func()) {
	if err := e.cfg.Guard(in, f); err != nil {
		e.cfg.OnPanic(err)
	}
}
