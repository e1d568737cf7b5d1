package limit

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/internal/name"
)

// Config is what a Limiter is told.
type Config struct {
	Account   Ceiling
	Functions map[string]Ceiling // by bare name
	Fixed     bool               // only the ceilings limit
	Probe     time.Duration      // of the search for a rate; 0 is DefaultProbeInterval
	Logger    *slog.Logger       // nil for none
}

// Limiter grants permits to start invocations. Its methods may be called
// concurrently.
type Limiter struct {
	cfg Config

	mu        sync.Mutex // protects all that follows
	account   scope
	functions map[string]*function // by bare name
	called    map[string]*function // the same, by whatever name they were asked for
	turns     list.List            // of the *function that have somebody in line, next first
	timer     *time.Timer          // runs while only time stands in the way
	seenAt    time.Time            // when holders began to hold invocations back
	holders   []holder
	news      []news // to be logged when the lock is given up
}

// function is a function's own limits and the line for its permits.
type function struct {
	name string
	scope
	breaker breaker
	line    list.List // of *Permit
	turn    *list.Element
}

// New makes a Limiter.
func New(cfg Config) *Limiter {
	if cfg.Probe == 0 {
		cfg.Probe = DefaultProbeInterval
	}
	l := &Limiter{
		cfg:       cfg,
		account:   newScope(cfg.Account),
		functions: make(map[string]*function),
		called:    make(map[string]*function),
	}
	if !cfg.Fixed && cfg.Account == (Ceiling{}) {
		// A ceiling is somebody's knowledge: it is believed until Lambda objects.
		l.account.seek(cfg.Probe)
	}
	return l
}

// Permit is the leave to start one invocation.
type Permit struct {
	limiter  *Limiter
	function *function
	granted  bool
	ended    bool
	probe    bool          // the breaker's
	ready    chan struct{} // closed when granted, if that took waiting
	place    *list.Element // in line

	// When it was granted.
	startedAt       time.Time
	account, inLine int // in flight, of the account and of the function, this one included
	token, own      Token
}

// Use is what came of a permit.
type Use struct {
	Outcome    Outcome
	Reason     types.ThrottleReason
	RetryAfter time.Duration
}

// Outcome is how an invocation ended, as far as a limiter cares.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota
	Throttled
	Failed
	NotUsed
)

// Acquire waits for a permit to invoke the function, or until ctx ends.
func (l *Limiter) Acquire(ctx context.Context, function string) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, waitError(ctx, function)
	}
	l.mu.Lock()
	f := l.named(function)
	p := &Permit{limiter: l, function: f}
	p.place = f.line.PushBack(p)
	if f.turn == nil {
		f.turn = l.turns.PushBack(f)
	}
	l.grant(time.Now())
	if p.granted {
		l.unlock()
		return p, nil
	}
	p.ready = make(chan struct{})
	l.unlock()

	select {
	case <-p.ready:
		return p, nil
	case <-ctx.Done():
		p.leave()
		return nil, waitError(ctx, function)
	}
}

func waitError(ctx context.Context, function string) error {
	return fmt.Errorf("lambdabatch: waiting for a permit to invoke %s: %w", function, ctx.Err())
}

// named is the function that is called so; under l.mu.
func (l *Limiter) named(called string) *function {
	f, ok := l.called[called]
	if !ok {
		f = l.function(name.Bare(called))
		l.called[called] = f
	}
	return f
}

// function is the one of this bare name; under l.mu.
func (l *Limiter) function(name string) *function {
	f, ok := l.functions[name]
	if !ok {
		f = &function{name: name, scope: newScope(l.cfg.Functions[name])}
		l.functions[name] = f
	}
	return f
}

// grant gives permits, as many as there may be now, and sets the timer for the
// next; under l.mu.
func (l *Limiter) grant(now time.Time) {
	l.learn(now)
	var soonest time.Duration // until a function with somebody in line has a token
	for turn := l.turns.Front(); turn != nil; {
		wait, never, by := l.account.wait(now)
		if never || wait > 0 {
			soonest = wait // at the earliest
			l.heldBy(by)
			if never && by != nil {
				soonest = slotsLook
			}
			break
		}
		f := turn.Value.(*function)
		turn = turn.Next()
		wait, never, by = f.wait(now)
		switch {
		case never && by == nil:
			continue
		case never:
			wait = slotsLook
			fallthrough
		case wait > 0:
			l.heldBy(by)
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

// wait is how long it takes until the function itself lets one more start.
func (f *function) wait(now time.Time) (d time.Duration, never bool, by holder) {
	if d := f.breaker.wait(now); d > 0 {
		return d, false, nil
	}
	return f.scope.wait(now)
}

// learn tells the controllers that held somebody back since the last grant for
// how long they did. They grow by that alone: a limit that nobody runs into
// says nothing about what Lambda would bear.
func (l *Limiter) learn(now time.Time) {
	for _, h := range l.holders {
		h.held(now.Sub(l.seenAt), now)
	}
	clear(l.holders)
	l.holders, l.seenAt = l.holders[:0], now
}

func (l *Limiter) heldBy(by holder) {
	if by != nil {
		l.holders = append(l.holders, by)
	}
}

// start gives the first in f's line a permit, and f's turn to the others.
func (l *Limiter) start(f *function, now time.Time) {
	p := f.line.Remove(f.line.Front()).(*Permit)
	p.place = nil
	p.token, p.own = l.account.start(now), f.start(now)
	p.granted, p.startedAt = true, now
	p.probe = f.breaker.started(now)
	p.account, p.inLine = l.account.inFlight, f.inFlight
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
			defer l.unlock()
			l.grant(time.Now())
		})
	default:
		l.timer.Reset(d)
	}
}

// Release ends the invocation that the permit was for. A permit that was not
// used goes back whole: its token, too. Only the first call counts.
func (p *Permit) Release(u Use) {
	l := p.limiter
	l.mu.Lock()
	defer l.unlock()
	if !p.ended {
		p.ended = true
		l.end(p, u)
	}
}

func (l *Limiter) end(p *Permit, u Use) {
	now := time.Now()
	l.learn(now)
	if u.Outcome == NotUsed {
		l.account.unused(now, p.token)
		p.function.unused(now, p.own)
		if p.probe {
			p.function.breaker.unused(now)
		}
	} else {
		l.account.ended()
		p.function.ended()
		if !l.cfg.Fixed {
			l.adapt(p, u, now)
		}
	}
	l.grant(now)
}

// leave takes back a request for a permit whose context has ended.
func (p *Permit) leave() {
	l := p.limiter
	l.mu.Lock()
	defer l.unlock()
	if p.granted { // at the same moment
		l.end(p, Use{Outcome: NotUsed})
		return
	}
	p.function.line.Remove(p.place)
	if p.function.line.Len() == 0 {
		l.outOfTurn(p.function)
		l.grant(time.Now())
	}
}
