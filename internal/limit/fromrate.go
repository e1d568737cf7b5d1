package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate gives permits by a rate.Limiter that others may use as well. Of all who
// wait here only one has a reservation; the others stand in line behind it. So
// one who leaves hands the reservation on, where by itself a rate.Limiter
// loses what those reserved behind it.
type Rate struct {
	limiter *rate.Limiter
	turn    chan struct{} // holds a value while somebody has the reservation; who waits to send stands in line

	mu       sync.Mutex // protects all that follows
	waiting  int
	handover *rate.Reservation // left by one who went away
	madeAt   rate.Limit        // the rate at which it was made
}

// FromRate makes a Rate of l.
func FromRate(l *rate.Limiter) *Rate {
	return &Rate{limiter: l, turn: make(chan struct{}, 1)}
}

// Acquire waits until l lets one event happen, or ctx ends.
func (l *Rate) Acquire(ctx context.Context, function string) (Token, error) {
	if ctx.Err() != nil {
		return Token{}, waitError(ctx, function)
	}
	l.enter()
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		l.walkAway()
		return Token{}, waitError(ctx, function)
	}
	defer func() { <-l.turn }()

	r, madeAt := l.reserve()
	for {
		if !r.OK() {
			return Token{}, fmt.Errorf("lambdabatch: waiting for a permit to invoke %s: the rate.Limiter's burst is %d: it lets nothing through",
				function, l.limiter.Burst())
		}
		if limit := l.limiter.Limit(); limit != madeAt {
			r.Cancel()
			r, madeAt = l.limiter.Reserve(), limit
		}
		delay := r.Delay()
		if delay == 0 {
			now := time.Now()
			return Token{at: now, of: l.limiter.TokensAt(now) + 1}, nil
		}
		timer := time.NewTimer(min(delay, lookAgain))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			l.leave(r, madeAt)
			return Token{}, waitError(ctx, function)
		}
	}
}

// lookAgain is how often one who waits looks whether the rate has been changed:
// a reservation keeps the schedule of the rate at which it was made.
const lookAgain = time.Second

func (l *Rate) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
}

// walkAway leaves the line. When nobody is in it any more, a reservation that was
// handed over to the last is of no use.
func (l *Rate) walkAway() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting--; l.waiting == 0 && l.handover != nil {
		l.handover.Cancel()
		l.handover = nil
	}
}

// reserve makes the reservation of the one whose turn it is, and who so leaves
// the line; or takes over the one that is there.
func (l *Rate) reserve() (*rate.Reservation, rate.Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	if r := l.handover; r != nil {
		l.handover = nil
		return r, l.madeAt
	}
	limit := l.limiter.Limit()
	return l.limiter.Reserve(), limit
}

// leave hands r to the next in line, or cancels it if there is none.
func (l *Rate) leave(r *rate.Reservation, madeAt rate.Limit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting > 0 {
		l.handover, l.madeAt = r, madeAt
		return
	}
	r.Cancel()
}

// GiveBack returns a token that was not used. It is lost if others have
// reservations that are not due: to move those is not possible.
func (l *Rate) GiveBack(t Token) {
	now := time.Now()
	if l.limiter.TokensAt(now) >= 0 && t.fits(l.limiter, now) {
		l.limiter.ReserveN(now, -1)
	}
}
