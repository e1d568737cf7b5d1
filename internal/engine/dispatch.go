package engine

import (
	"context"
	"runtime"
	"sync"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// askPermit sees to it that a goroutine asks for a permit while a lane is
// ready, and that none does when none is. One asks at a time: a permit is for
// the function, and which records use it is decided when it is there.
func (e *Engine) askPermit() {
	switch {
	case e.ready.first == nil:
		if e.asking && e.cancelAsk != nil {
			e.cancelAsk()
			e.ask, e.cancelAsk = nil, nil
		}
	case !e.asking && !e.killed:
		e.asking = true
		e.running++
		e.starting = pilots.Get().(*pilot)
		e.starting.Engine, e.starting.asks = e, e.askContext()
	}
}

// unlock lets go of the lock, and starts the goroutine that was found to be needed
// meanwhile: that may take long enough for others to go to sleep over the lock.
func (e *Engine) unlock() {
	p := e.starting
	e.starting = nil
	e.mu.Unlock()
	if p != nil {
		if p.fly == nil {
			p.fly = p.run
		}
		go p.fly()
	}
}

// pilot is a goroutine that makes invocations. It begins by asking for the permit;
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
			if asks := p.askAgain(); asks != nil {
				*p = pilot{Engine: p.Engine, fly: p.fly, asks: asks}
			}
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

// askAgain makes the goroutine that is done with its invocation the asking one,
// if one is needed, and otherwise counts it out.
func (e *Engine) askAgain() context.Context {
	e.mu.Lock()
	defer e.unlock()
	if e.ready.first != nil && !e.asking && !e.killed {
		e.asking = true
		return e.askContext()
	}
	e.running--
	e.advance()
	return nil
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

// askContext ends when no permit is needed any more.
func (e *Engine) askContext() context.Context {
	if e.ask == nil {
		e.ask, e.cancelAsk = context.WithCancel(e.stop)
	}
	return e.ask
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
	b := &Batch{Tenant: l.tenant, Reason: l.ready, envelope: &e.cfg.Envelope, limiterErr: limiterErr}
	var over []*Record
	if l.nextPiece() != nil {
		b.boarded = true
		b.piece, b.Bytes, over = l.sealPiece(now)
		b.Records, b.Reason, b.Sealed = b.piece.records, Split, b.piece.sealed
	} else {
		if l.queue.len() > 0 {
			b.Records, b.Bytes, b.sheet = l.sealSheet()
		}
		if b.sheet == nil {
			b.Records, b.Bytes, over = l.seal(now)
			b.sheet, b.boarded = sheetOf(b.Records), true
		}
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
		if b.boarded {
			b.fly()
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

// fly tells the records of b that they do.
func (b *Batch) fly() {
	for _, r := range b.Records {
		r.fly(b.Flight)
	}
}

// board does the same if that has not been done, because now somebody has to know.
func (b *Batch) board() {
	if !b.boarded {
		b.boarded = true
		b.fly()
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

// deepen makes the stack of a new goroutine as large as an invocation needs it, while
// there is next to nothing on it: growing it step by step would copy all the calls
// that are under way, each time. Nobody says really.
//
//go:noinline
func deepen(really bool) (n byte) {
	if really {
		var room [stackRoom]byte
		for i := range room {
			room[i] = byte(i)
		}
		n = room[len(room)/2]
	}
	return n
}

// stackRoom is bytes: a call by the SDK's client takes about so much, over HTTP/2.
const stackRoom = 20 << 10
