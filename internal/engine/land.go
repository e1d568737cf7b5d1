package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// verdict is what is to be done with one record of a landed batch.
type verdict struct {
	retry     bool
	split     bool // it is to be sent again with half of the others
	delay     time.Duration
	data      []byte
	err       error // of this attempt
	cause     error // why it is not retried, if that is not all in err
	certainty fault.Certainty
}

// land brings the records of a batch to their outcome, or back to their lane. A
// batch lands once: its records may be in another by now.
func (e *Engine) land(b *Batch, a *Answer) {
	end := e.clock.now()
	b.cancel()
	final := a.Err == nil && !slices.ContainsFunc(a.Results, func(res Result) bool { return res.Retry })
	e.mu.Lock()
	if _, flying := e.flights[b]; !flying {
		e.unlock()
		return
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if final && !b.boarded {
		lane := e.landed(b, a, end)
		e.untold += len(b.Records)
		e.update(lane, end)
		e.press()
		e.unlock()
		e.arrive(b, a, s)
		e.finishLanded(s.finished)
		return
	}
	b.board()
	if !final {
		s.aboard = b.aboard(a, s.aboard)
	}
	e.unlock()
	e.judge(b, a, s)

	e.mu.Lock()
	lane := e.landed(b, a, end)
	var again, apart []*Record
	for i, r := range b.Records {
		r.aboard = false
		if r.state != flying { // it left the flight early
			e.succeed(r)
			if r.told {
				r.letGo()
			}
			continue
		}
		v := &s.verdicts[i]
		r.land(v.certainty, v.err)
		switch {
		case v.split:
			apart = append(apart, r)
		case v.retry:
			if a.Err == nil {
				r.keep() // the others let go of the payload
			}
			r.extra().dueAt = end.add(v.delay)
			again = append(again, r)
		default:
			s.finished = append(s.finished, e.ended(r, v))
		}
	}
	e.counts.Retried += uint64(len(again) + len(apart))
	if b.Sealed != nil {
		b.Sealed.landed(a.Fault.Certainty)
	}
	for _, r := range lane.landed(b, a, again, apart) {
		s.finished = append(s.finished, e.ended(r, &verdict{err: r.lastError(), cause: ErrHopeless}))
	}
	e.update(lane, end)
	e.press()
	e.unlock()
	e.finishLanded(s.finished)
}

// landed takes in what came of b itself, and returns its lane.
func (e *Engine) landed(b *Batch, a *Answer, end instant) *lane {
	delete(e.flights, b)
	e.counts.landed(a)
	b.Flight.RequestID, b.Flight.Duration = a.RequestID, end.sub(b.Flight.start)
	lane := e.lane(b.Tenant)
	e.learn(lane, b, a)
	return lane
}

// arrive lets the records of b fly and land at once. They are nobody else's meanwhile:
// they are plain, and their batch is not among the flights any more.
func (e *Engine) arrive(b *Batch, a *Answer, s *scratch) {
	succeeded := 0
	for i, r := range b.Records {
		res := &a.Results[i]
		r.fly(b.Flight)
		r.aboard, r.state = false, settled
		r.land(a.Fault.Certainty, res.Err)
		s.finished = append(s.finished, done{r, Outcome{Data: res.Data, Err: res.Err}})
		if res.Err == nil {
			succeeded++
		}
	}
	e.budget.succeeded(succeeded)
}

// ended settles a record whose last attempt has landed.
func (e *Engine) ended(r *Record, v *verdict) done {
	err := v.err
	if err != nil && (v.cause != nil || r.AttemptCount() > 1) {
		err = &Ended{Cause: v.cause, Attempts: r.AttemptCount(), Certainty: r.certainty, Last: err}
	}
	e.settle(r)
	return done{r, Outcome{Data: v.data, Err: err}}
}

// learn takes in what b tells of how much a batch of l may hold.
func (e *Engine) learn(l *lane, b *Batch, a *Answer) {
	if a.Err == nil {
		l.failing = false
	}
	switch {
	case b.piece != nil: // its size was not the lane's choice
		if t := b.piece.trial; t != nil && t.timedOut && a.Err == nil && b.Flight.Duration > 0 {
			l.portion.bears(b.Flight.Size, b.Flight.Duration)
		}
	case a.TimedOut:
		l.portion.tooMuch(b.Flight.Size, b.Flight.Duration)
	case a.TooMuch:
		l.portion.tooMuch(b.Flight.Size, 0)
	case a.Err == nil:
		l.portion.answered(b.Flight.Size, b.Flight.Duration, a.ResponseShare)
	}
}

// aboard appends which records of b are still in flight, and gives those that may be sent
// again what they need for that: later others may look at it.
func (b *Batch) aboard(a *Answer, aboard []bool) []bool {
	for i, r := range b.Records {
		aboard = append(aboard, r.state == flying)
		if a.Err != nil || a.Results[i].Retry {
			r.extra()
		}
	}
	return aboard
}

// judge decides what is to be done with each record of b that is still aboard. It
// is called without the lock, because it asks code of the user's.
func (e *Engine) judge(b *Batch, a *Answer, s *scratch) {
	s.verdicts = slices.Grow(s.verdicts, len(b.Records))[:len(b.Records)]
	if a.Err != nil {
		e.judgeFailed(b, a, s.aboard, s.verdicts)
	} else {
		e.judgeResults(b, a, s.aboard, s.verdicts)
	}
	if e.cfg.OnRetry == nil || len(s.aboard) == 0 {
		return
	}
	for i, r := range b.Records {
		v := &s.verdicts[i]
		if !v.retry && !v.split || !s.aboard[i] {
			continue
		}
		err := e.try("a hook", func() { e.cfg.OnRetry(r, b, v.delay, v.err) })
		if err != nil {
			v.retry, v.split, v.err = false, false, errors.Join(v.err, err)
		}
	}
}

func (e *Engine) judgeResults(b *Batch, a *Answer, aboard []bool, verdicts []verdict) {
	succeeded := 0
	for i, r := range b.Records {
		res := &a.Results[i]
		r.tries++
		verdicts[i] = verdict{data: res.Data, err: res.Err, certainty: a.Fault.Certainty}
		switch {
		case res.Retry && aboard[i]:
			e.again(r, &verdicts[i], res.RetryAfter, e.budget)
		case res.Err == nil:
			succeeded++
		}
	}
	e.budget.succeeded(succeeded)
}

// judgeFailed decides for a batch that failed as a whole. Its records return
// together: the one that has failed most often draws the delay for all.
func (e *Engine) judgeFailed(b *Batch, a *Answer, aboard []bool, verdicts []verdict) {
	var longest *Record
	var delay time.Duration
	for i, r := range b.Records {
		v := &verdicts[i]
		*v = verdict{err: a.Err, certainty: a.Fault.Certainty}
		if b.Flight.Size > 1 && e.maySplit(b, a.Fault) {
			v.split = true // which does not use up an attempt
			continue
		}
		budget := e.budget
		if a.Fault.Class == fault.Throttled {
			budget = nil
		} else {
			r.tries++
		}
		if !aboard[i] || !e.mayRetry(r, a.Fault) {
			continue
		}
		e.again(r, v, a.Fault.RetryAfter, budget)
		if v.retry && (longest == nil || len(r.earlier()) > len(longest.earlier())) {
			longest, delay = r, v.delay
		}
	}
	for i := range verdicts {
		verdicts[i].delay = delay
	}
}

// maySplit tells whether what f says lets the records of a batch try again apart.
func (e *Engine) maySplit(b *Batch, f fault.Fault) bool {
	switch f.Class {
	case fault.TooLarge, fault.FunctionFailed:
		begun := b.Sealed != nil && b.Sealed.begun // by an earlier attempt
		return f.Certainty == fault.NotExecuted && !begun || e.cfg.RetryUncertain
	default:
		return false
	}
}

// mayRetry tells whether what f says lets a record try again.
func (e *Engine) mayRetry(r *Record, f fault.Fault) bool {
	switch f.Class {
	case fault.Throttled:
		return true
	case fault.Transient, fault.Slow:
		return f.Certainty == fault.NotExecuted || e.cfg.RetryUncertain || e.cfg.Resend
	case fault.Once:
		first := !r.onceUsed
		r.onceUsed = true
		return first
	default:
		return false
	}
}

// again has r retried after its backoff's next delay, and not before floor, if
// it has attempts left and the budget says so.
func (e *Engine) again(r *Record, v *verdict, floor time.Duration, budget *budget) {
	if int(r.tries) >= e.cfg.MaxAttempts {
		return
	}
	if !budget.take(time.Now()) {
		v.cause = ErrRetryBudget
		return
	}
	delay := backoff.Stop
	err := e.try("the backoff", func() {
		if r.more.backoff == nil {
			r.more.backoff = e.cfg.Backoff()
		}
		delay = r.more.backoff.NextBackOff()
	})
	switch {
	case err != nil:
		v.err = errors.Join(v.err, err)
	case delay != backoff.Stop:
		v.retry, v.delay = true, max(delay, floor)
	}
}
