package limit

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Config is the ceilings of a Limiter.
type Config struct {
	Account   Ceiling
	Functions map[string]Ceiling // by bare name
}

// Limiter grants permits to start invocations. Its methods may be called
// concurrently.
type Limiter struct {
	cfg Config

	mu        sync.Mutex // protects all that follows
	account   scope
	functions map[string]*function
	turns     list.List   // of the *function that have somebody in line, next first
	timer     *time.Timer // runs while only time stands in the way
}

// function is a function's own limits and the line for its permits.
type function struct {
	scope
	line list.List // of *Permit
	turn *list.Element
}

// New makes a Limiter.
func New(cfg Config) *Limiter {
	return &Limiter{
		cfg:       cfg,
		account:   newScope(cfg.Account),
		functions: make(map[string]*function),
	}
}

// Permit is the leave to start one invocation.
type Permit struct {
	limiter  *Limiter
	function *function
	granted  bool
	ended    bool
	ready    chan struct{} // closed when granted, if that took waiting
	place    *list.Element // in line
}

// Acquire waits for a permit to invoke the function, or until ctx ends.
func (l *Limiter) Acquire(ctx context.Context, name string) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, waitError(ctx, name)
	}
	l.mu.Lock()
	f := l.function(BareName(name))
	p := &Permit{limiter: l, function: f}
	p.place = f.line.PushBack(p)
	if f.turn == nil {
		f.turn = l.turns.PushBack(f)
	}
	l.grant(time.Now())
	if p.granted {
		l.mu.Unlock()
		return p, nil
	}
	p.ready = make(chan struct{})
	l.mu.Unlock()

	select {
	case <-p.ready:
		return p, nil
	case <-ctx.Done():
		p.leave()
		return nil, waitError(ctx, name)
	}
}

func waitError(ctx context.Context, name string) error {
	return fmt.Errorf("lambdabatch: waiting for a permit to invoke %s: %w", name, ctx.Err())
}

// function is the named one; under l.mu.
func (l *Limiter) function(name string) *function {
	f, ok := l.functions[name]
	if !ok {
		f = &function{scope: newScope(l.cfg.Functions[name])}
		l.functions[name] = f
	}
	return f
}

// grant gives permits, as many as there may be now, and sets the timer for the
// next; under l.mu.
func (l *Limiter) grant(now time.Time) {
	var soonest time.Duration // until a function with somebody in line has a token
	for turn := l.turns.Front(); turn != nil; {
		wait, never := l.account.wait(now)
		if never || wait > 0 {
			soonest = wait // at the earliest
			break
		}
		f := turn.Value.(*function)
		turn = turn.Next()
		wait, never = f.wait(now)
		switch {
		case never:
			continue
		case wait > 0:
			if soonest == 0 || wait < soonest {
				soonest = wait
			}
			continue
		}
		l.start(f, now)
		if f.turn != nil && turn == nil {
			turn = f.turn
		}
	}
	l.wake(soonest)
}

// start gives the first in f's line a permit, and f's turn to the others.
func (l *Limiter) start(f *function, now time.Time) {
	l.account.start(now)
	f.start(now)
	p := f.line.Remove(f.line.Front()).(*Permit)
	p.place = nil
	p.granted = true
	if p.ready != nil {
		close(p.ready)
	}
	if f.line.Len() > 0 {
		l.turns.MoveToBack(f.turn)
	} else {
		l.outOfTurn(f)
	}
}

func (l *Limiter) outOfTurn(f *function) {
	l.turns.Remove(f.turn)
	f.turn = nil
}

// wake grants again after d; not at all, until something is released, if d is
// zero.
func (l *Limiter) wake(d time.Duration) {
	switch {
	case d == 0:
		if l.timer != nil {
			l.timer.Stop()
		}
	case l.timer == nil:
		l.timer = time.AfterFunc(d, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.grant(time.Now())
		})
	default:
		l.timer.Reset(d)
	}
}

// Release ends the invocation that the permit was for. A permit that was not
// used goes back whole: its token, too. Only the first call counts.
func (p *Permit) Release(used bool) {
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if !p.ended {
		p.ended = true
		l.end(p.function, used)
	}
}

func (l *Limiter) end(f *function, used bool) {
	now := time.Now()
	l.account.end()
	f.end()
	if !used {
		l.account.rate.giveBack(now)
		f.rate.giveBack(now)
	}
	l.grant(now)
}

// leave takes back a request for a permit whose context has ended.
func (p *Permit) leave() {
	l := p.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.granted { // at the same moment
		l.end(p.function, false)
		return
	}
	p.function.line.Remove(p.place)
	if p.function.line.Len() == 0 {
		l.outOfTurn(p.function)
		l.grant(time.Now())
	}
}
