package limitertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/limitertest"
)

// limiter is a simple one that keeps all rules, but for its faults.
type limiter struct {
	limitertest.Ceilings
	faults faults
	stop   chan struct{}

	mu       sync.Mutex // protects following
	tokens   float64
	at       time.Time // when there were so many
	inFlight int
	reserved bool
	line     []*waiter
	timer    *time.Timer
}

type waiter struct {
	function string
	granted  bool
	ready    chan struct{}
}

// faults are what a limiter may do wrong. Each breaks a rule.
type faults struct {
	InFlightByOne          bool // one too many at a time
	BurstByOne             bool // one too many at once
	TooFast                bool // more in a second
	Hoards                 bool // an idle hour is worth more than a burst
	LosesWakeUp            bool // a permit that comes back wakes nobody; who comes next may have it
	LosesTimer             bool // who leaves stops the timer of those behind
	LastInFirstOut         bool // who came last is next
	FavoursAFunction       bool // "busy" is always next
	IgnoresContext         bool // waits on when its context has ended
	ForeignError           bool // does not wrap the context's error
	CauseOnly              bool // wraps the context's cause in place of its error
	LosesWhatCameTooLate   bool // a permit that came as its waiter left
	ServesWhoLeft          bool // leaves him in line, and gives him a permit
	LeavesReservation      bool // who comes next has the token that was for him, whenever that is
	CountsReleaseTwice     bool // each call of release is a permit
	CountsNotUsedTwice     bool // each call of release with NotUsed is a token
	KeepsToken             bool // a permit that was not used costs its token
	KeepsSlotOfUnknown     bool // a permit that was used in an unknown way never comes back
	NilRelease             bool // no release, and no error
	FailsNowAndThen        bool // returns an error though the context has not ended
	LeaksGoroutine         bool // one for each who leaves
	LeaksGoroutineForEver  bool // one for each limiter
	SlowAtFirst            bool // no fault: begins with one in flight, and grows with each success
	OwnGoroutine           bool // no fault: one that ends with the limiter's cleanup
	FailsBeforeTheDeadline bool // no fault: with context.DeadlineExceeded, if the permit cannot come in time
}

func newLimiter(t *testing.T, c limitertest.Ceilings, f faults) *limiter {
	t.Helper()
	if f.InFlightByOne && c.InFlight > 0 {
		c.InFlight++
	}
	if f.BurstByOne {
		c.Burst++
	}
	if f.TooFast {
		c.PerSecond *= 1.5
	}
	l := &limiter{Ceilings: c, faults: f, tokens: float64(c.Burst), at: time.Now(), stop: make(chan struct{})}
	if f.SlowAtFirst && c.InFlight > 0 {
		l.InFlight = 1
		l.Burst = c.InFlight
	}
	if f.OwnGoroutine || f.LeaksGoroutineForEver {
		go func() { <-l.stop }()
	}
	if f.OwnGoroutine {
		t.Cleanup(func() { close(l.stop) })
	}
	return l
}

func (l *limiter) Acquire(ctx context.Context, function string) (func(lambdabatch.Feedback), error) {
	l.mu.Lock()
	if l.faults.FailsNowAndThen && l.inFlight == 2 {
		l.mu.Unlock()
		return nil, errors.New("the connection was lost")
	}
	w := &waiter{function: function, ready: make(chan struct{})}
	l.line = append(l.line, w)
	l.grant()
	if deadline, ok := ctx.Deadline(); l.faults.FailsBeforeTheDeadline && ok && !w.granted && l.PerSecond > 0 &&
		time.Now().Add(time.Duration((float64(len(l.line))-l.tokens)/l.PerSecond*float64(time.Second))).After(deadline) {
		defer l.mu.Unlock()
		l.line = l.line[:len(l.line)-1]
		return nil, fmt.Errorf("it would take too long: %w", context.DeadlineExceeded)
	}
	l.mu.Unlock()
	done := ctx.Done()
	if l.faults.IgnoresContext {
		done = nil
	}
	select {
	case <-w.ready:
		return l.releaser(), nil
	case <-done:
		return nil, l.leave(ctx, w)
	}
}

func (l *limiter) leave(ctx context.Context, w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faults.LeaksGoroutine {
		go func() { <-l.stop }()
	}
	if l.faults.LosesTimer && l.timer != nil {
		l.timer.Stop()
	}
	switch {
	case w.granted && !l.faults.LosesWhatCameTooLate:
		l.back(notUsed)
	case l.faults.LeavesReservation && l.PerSecond > 0:
		l.reserved = true
		fallthrough
	case !w.granted && !l.faults.ServesWhoLeft:
		l.line = slices.DeleteFunc(l.line, func(other *waiter) bool { return other == w })
	}
	switch {
	case l.faults.ForeignError:
		return fmt.Errorf("no permit: %v", ctx.Err()) //nolint:errorlint // that is the fault
	case l.faults.CauseOnly:
		return fmt.Errorf("no permit: %w", context.Cause(ctx))
	}
	return fmt.Errorf("no permit: %w", ctx.Err())
}

func (l *limiter) releaser() func(lambdabatch.Feedback) {
	if l.faults.NilRelease {
		return nil
	}
	released := false
	return func(f lambdabatch.Feedback) {
		l.mu.Lock()
		defer l.mu.Unlock()
		again := released
		released = true
		switch {
		case again && l.faults.CountsReleaseTwice:
		case again && l.faults.CountsNotUsedTwice && f.Use == lambdabatch.NotUsed:
			l.inFlight++
		case again:
			return
		}
		l.back(f)
	}
}

// back takes a permit back; under l.mu.
func (l *limiter) back(f lambdabatch.Feedback) {
	if !l.faults.KeepsSlotOfUnknown || f.Use <= lambdabatch.NotUsed {
		l.inFlight--
	}
	if f.Use == lambdabatch.NotUsed && !l.faults.KeepsToken {
		l.refill()
		l.tokens = min(l.tokens+1, float64(l.Burst))
	}
	if l.faults.SlowAtFirst && f.Use == lambdabatch.Succeeded && l.PerSecond == 0 {
		l.InFlight = min(l.InFlight+1, l.Burst)
	}
	if !l.faults.LosesWakeUp {
		l.grant()
	}
}

// refill adds the tokens of the time that has passed; under l.mu.
func (l *limiter) refill() {
	now := time.Now()
	l.tokens += l.PerSecond * now.Sub(l.at).Seconds()
	if !l.faults.Hoards {
		l.tokens = min(l.tokens, float64(l.Burst))
	}
	l.at = now
}

// grant gives permits while there are any; under l.mu.
func (l *limiter) grant() {
	l.refill()
	for len(l.line) > 0 && (l.InFlight == 0 || l.inFlight < l.InFlight) {
		if l.PerSecond > 0 {
			if l.tokens < 1-1e-9 {
				l.later(time.Duration((1 - l.tokens) / l.PerSecond * float64(time.Second)))
				return
			}
			if !l.reserved {
				l.tokens--
			}
			l.reserved = false
		}
		next := 0
		switch {
		case l.faults.LastInFirstOut:
			next = len(l.line) - 1
		case l.faults.FavoursAFunction:
			next = max(0, slices.IndexFunc(l.line, func(w *waiter) bool { return w.function == "busy" }))
		}
		w := l.line[next]
		l.line = slices.Delete(l.line, next, next+1)
		l.inFlight++
		w.granted = true
		close(w.ready)
	}
}

// later grants after d; under l.mu.
func (l *limiter) later(d time.Duration) {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer = time.AfterFunc(d+time.Nanosecond, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.grant()
	})
}

var notUsed = lambdabatch.Feedback{Use: lambdabatch.NotUsed}
