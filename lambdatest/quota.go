package lambdatest

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// SetRequestRate changes the account's rate from now on, as [RequestRate] sets it at first. Tokens that were saved
// stay, up to the new burst.
func (s *Service) SetRequestRate(perSecond float64, burst int) {
	r := newRate("SetRequestRate", perSecond, burst)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quota.follow = false
	s.quota.rate.set(r, time.Now())
}

// SetAccountConcurrency changes the account's concurrency from now on, as [AccountConcurrency] sets it at first. What
// runs runs on. The account's rate moves with it, ten times as high, unless it was set by itself.
func (s *Service) SetAccountConcurrency(n int) {
	notNegative("SetAccountConcurrency", n)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.quota.concurrency = n
	if s.quota.follow {
		s.quota.rate.set(tenTimes(n), now)
	}
	s.quota.wake(now)
}

// quota is what the account shares among its functions. Service.mu protects it.
type quota struct {
	concurrency int
	reserved    int // of concurrency, the part that functions have reserved
	rate        *bucket
	follow      bool // the rate is ten times the concurrency
	events      *bucket
	scaling     rate // of each function

	inFlight   int
	unreserved int // in flight, of functions without a reservation
	peak       int // of inFlight
	waiting    []*waiter
}

// A waiter is an Event that waits for its environment.
type waiter struct {
	function *function
	slot     slot
	ready    chan struct{} // closed when slot is set, or left empty because the function was switched off
	cold     chan struct{} // tells that only a new environment is missing
}

// A slot is one invocation in flight. It returns to where it was taken, whatever became of the function's reservation.
type slot struct {
	function *function
	reserved bool
}

func newQuota(c config, now time.Time) quota {
	q := quota{
		concurrency: c.concurrency,
		scaling:     rate{float64(c.environments) / c.scalingPer.Seconds(), c.environments},
	}
	if c.rate == nil {
		q.follow = true
		q.rate = newBucket(tenTimes(c.concurrency), now)
	} else {
		q.rate = newBucket(*c.rate, now)
	}
	if c.eventRate != nil {
		q.events = newBucket(*c.eventRate, now)
	}
	return q
}

func tenTimes(concurrency int) rate {
	return rate{float64(10 * concurrency), 10 * concurrency}
}

// admit lets an invocation in, or says why not: first the rates, then what is in flight. Whom the rates refuse has
// used up nothing, whom the concurrency refuses has used up its token.
func (q *quota) admit(f *function, now time.Time) (slot, types.ThrottleReason) {
	if reason := q.pass(f, now); reason != "" {
		return slot{}, reason
	}
	return q.start(f, now)
}

// pass takes the tokens of the rates, or says which has none.
func (q *quota) pass(f *function, now time.Time) types.ThrottleReason {
	if !q.rate.has(now) {
		return types.ThrottleReasonCallerRateLimitExceeded
	}
	if f.on() && !f.rate.has(now) {
		if f.hasReserved() {
			return types.ThrottleReasonReservedFunctionInvocationRateLimitExceeded
		}
		return types.ThrottleReasonFunctionInvocationRateLimitExceeded
	}
	q.rate.take()
	if f.on() {
		f.rate.take()
	}
	return ""
}

// start takes an environment, whatever the rates.
func (q *quota) start(f *function, now time.Time) (slot, types.ThrottleReason) {
	if reason := q.full(f); reason != "" {
		return slot{}, reason
	}
	if !f.warm(now) {
		return slot{}, types.ThrottleReasonConcurrentInvocationLimitExceeded
	}
	return q.take(f), ""
}

// full says which concurrency is used up, if any.
func (q *quota) full(f *function) types.ThrottleReason {
	switch {
	case f.hasReserved() && f.inFlight >= f.reserved:
		return types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded
	case !f.hasReserved() && q.unreserved >= q.concurrency-q.reserved:
		return types.ThrottleReasonConcurrentInvocationLimitExceeded
	}
	return ""
}

func (q *quota) take(f *function) slot {
	sl := slot{function: f, reserved: f.hasReserved()}
	f.inFlight++
	q.inFlight++
	if !sl.reserved {
		q.unreserved++
	}
	q.peak = max(q.peak, q.inFlight)
	return sl
}

func (q *quota) release(sl slot, now time.Time) {
	sl.function.inFlight--
	q.inFlight--
	if !sl.reserved {
		q.unreserved--
	}
	q.wake(now)
}

// wake starts the Events that can start, in the order they came, and drops those of functions that were switched off.
func (q *quota) wake(now time.Time) {
	left := q.waiting[:0]
	for _, w := range q.waiting {
		switch {
		case !w.function.on():
			close(w.ready)
		case q.full(w.function) != "":
			left = append(left, w)
		case !w.function.warm(now):
			select {
			case w.cold <- struct{}{}:
			default:
			}
			left = append(left, w)
		default:
			w.slot = q.take(w.function)
			close(w.ready)
		}
	}
	clear(q.waiting[len(left):])
	q.waiting = left
}

// enqueue puts an Event of f in line.
func (q *quota) enqueue(f *function, now time.Time) *waiter {
	w := &waiter{function: f, ready: make(chan struct{}), cold: make(chan struct{}, 1)}
	q.waiting = append(q.waiting, w)
	q.wake(now)
	return w
}

// await waits for the environment of w. It reports false if the function was switched off or the service closed before.
func (s *Service) await(w *waiter) (slot, bool) {
	var warmer <-chan time.Time
	for {
		select {
		case <-w.ready:
			return w.slot, w.slot.function != nil
		case <-s.ctx.Done():
			return s.abandon(w)
		case <-w.cold:
			s.mu.Lock()
			if due := w.function.scaling.due(time.Now()); due >= 0 {
				warmer = time.After(due)
			}
			s.mu.Unlock()
		case <-warmer:
			warmer = nil
			s.mu.Lock()
			s.quota.wake(time.Now())
			s.mu.Unlock()
		}
	}
}

// abandon takes w out of the line. It may have got its slot at the last moment.
func (s *Service) abandon(w *waiter) (slot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quota.waiting = slices.DeleteFunc(s.quota.waiting, func(other *waiter) bool { return other == w })
	return w.slot, w.slot.function != nil
}
