package engine

import (
	"context"
	"runtime"
	"sync"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// pilot is a goroutine that makes an invocation. It begins by asking for the permit;
// with the permit in hand it leaves the asking to another, and sends. When code of
// the user's ends the goroutine (runtime.Goexit), another one goes on in its place.
type pilot struct {
	*Engine
	step   step
	asks   context.Context // ends when no permit is needed any more
	batch  *Batch
	permit Permit
	answer Answer

	fly func() // run, made a func once
}

var pilots = sync.Pool{New: func() any { return new(pilot) }}

// step is what a pilot is doing.
type step uint8

const (
	asking    step = iota // for a permit
	returning             // the permit, for which there is nothing to send
	sending
	releasing // the permit
	landing
	leaving
	gone
)

func (p *pilot) run() {
	deepen(false)
	defer func() {
		if p.step != gone {
			p.exited()
			go p.fly()
			return
		}
		*p = pilot{fly: p.fly}
		pilots.Put(p)
	}()
	for p.step != gone {
		switch p.step {
		case asking:
			p.ask()
		case returning:
			p.guard("the limiter", func() { p.cfg.Release(p.permit, nil) })
			p.step = leaving
		case sending:
			p.send()
			p.step = releasing
		case releasing:
			p.guard("the limiter", func() { p.cfg.Release(p.permit, &p.answer) })
			p.step = landing
		case landing:
			p.land(p.batch, &p.answer)
			p.step = leaving
			if p.answer.Lender != nil {
				p.answer.Lender.Free()
			}
		default:
			p.step = gone
			p.leave()
		}
	}
}

// exited makes up for the step in which the goroutine was ended.
func (p *pilot) exited() {
	switch p.step {
	case asking:
		p.asks = context.Background()
		p.permitted(nil, ErrExited)
	case sending:
		p.step = releasing
	case releasing:
		p.step = landing
	case landing: // what was to become of the records was asked, or told
		p.answer = Answer{Err: ErrExited, Fault: fault.Fault{Class: fault.Permanent, Certainty: p.answer.Fault.Certainty}}
	default:
		p.step = leaving
	}
}

// leave counts a goroutine out.
func (e *Engine) leave() {
	e.mu.Lock()
	defer e.unlock()
	e.running--
	e.advance()
}

// ask waits for the permit.
func (p *pilot) ask() {
	var permit Permit
	var err error
	if panicked := p.try("the limiter", func() { permit, err = p.cfg.Acquire(p.asks) }); panicked != nil {
		err = panicked
	}
	p.permitted(permit, err)
}

// permitted seals a batch, for which there is a permit, or which fails with err.
// There is none when meanwhile all have gone, or the Engine was killed.
func (p *pilot) permitted(permit Permit, err error) {
	invoking, cancel := p.invoking()
	p.mu.Lock()
	if err != nil && p.asks.Err() != nil && p.ready.first != nil && !p.killed {
		// Called off when the last lane went, but another has come.
		p.asks = p.askContext()
		p.unlock()
		cancel()
		return
	}
	p.asking = false
	var over []done
	if err == nil || p.asks.Err() == nil {
		p.batch, over = p.seal(p.clock.now(), err)
	}
	if p.batch != nil {
		p.batch.invoking, p.batch.cancel = invoking, cancel
	}
	p.askPermit()
	another := p.starting != nil
	p.unlock()
	if another {
		// It goes first, and this goroutine to where an idle processor finds it: the one that
		// was started last is not taken from its processor for as long as that is busy.
		runtime.Gosched()
	}
	if p.batch == nil {
		cancel()
	}
	p.finishAside(over)
	p.permit = permit
	switch {
	case p.batch == nil && err == nil:
		p.step = returning
	case p.batch == nil:
		p.step = leaving
	case err == nil:
		p.step = sending
	default:
		p.answer = Answer{Err: p.cfg.Refused(err), Fault: fault.Fault{Class: fault.Transient, Certainty: fault.NotExecuted}}
		p.step = landing
	}
}

// invoking is the context of an invocation. It is not one of the Engine's own context's
// children: they are in a map, and there are many.
func (e *Engine) invoking() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), e.cfg.InvocationTimeout)
}

// send makes the invocation of the batch.
func (p *pilot) send() {
	p.answer = Answer{Err: ErrExited, Fault: fault.Fault{Class: fault.Permanent, Certainty: fault.MaybeExecuted}}
	if err := p.try("the invocation", func() { p.cfg.Send(p.batch.invoking, p.batch, &p.answer) }); err != nil {
		p.answer.Err = err
	}
}

// guard runs code of others that no record waits for.
func (e *Engine) guard(in string, f func()) {
	if err := e.try(in, f); err != nil {
		e.cfg.OnPanic(err)
	}
}

// try runs code of others and returns its panic, if it panics, as an error.
func (e *Engine) try(in string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = e.cfg.Panicked(in, v)
		}
	}()
	f()
	return nil
}
