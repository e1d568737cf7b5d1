package engine

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// verdict is what is to be done with one record of a landed batch.
type verdict struct {
	retry     bool
	delay     time.Duration
	data      []byte
	err       error
	certainty fault.Certainty
}

// land brings the records of a batch to their outcome, or back to their lane. A
// batch lands once: its records may be in another by now.
func (e *Engine) land(b *Batch, a *Answer) {
	end := time.Now()
	aboard := e.aboard(b)
	if aboard == nil {
		return
	}
	verdicts := e.judge(b, a, aboard)
	finished := make([]done, 0, len(b.Records))

	e.mu.Lock()
	delete(e.flights, b)
	e.counts.landed(a)
	b.Flight.RequestID, b.Flight.Duration = a.RequestID, end.Sub(b.Flight.Start)
	var lane *lane
	for i, r := range b.Records {
		r.aboard = false
		if r.state != flying { // it left the flight early
			if r.told {
				r.letGo()
			}
			continue
		}
		v := &verdicts[i]
		r.land(v.certainty, v.err)
		if v.retry {
			lane = e.lane(b.Tenant)
			r.dueAt = end.Add(v.delay)
			lane.delay(r)
			e.counts.Retried++
			continue
		}
		if v.err != nil && r.AttemptCount() > 1 {
			v.err = &Ended{Attempts: r.AttemptCount(), Certainty: r.certainty, Last: v.err}
		}
		e.settle(r)
		finished = append(finished, done{r, Outcome{Data: v.data, Err: v.err}})
	}
	if lane != nil {
		e.update(lane, end)
	}
	e.letIn()
	e.press()
	e.mu.Unlock()
	e.finish(finished...)
}

// aboard tells which records of b are still in flight; nil if b has landed.
func (e *Engine) aboard(b *Batch) []bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, flying := e.flights[b]; !flying {
		return nil
	}
	aboard := make([]bool, len(b.Records))
	for i, r := range b.Records {
		aboard[i] = r.state == flying
	}
	return aboard
}

// judge decides what is to be done with each record of b that is still aboard. It
// is called without the lock, because it asks code of the user's.
func (e *Engine) judge(b *Batch, a *Answer, aboard []bool) []verdict {
	verdicts := make([]verdict, len(b.Records))
	if a.Err != nil {
		e.judgeFailed(b, a, verdicts)
	} else {
		e.judgeResults(b, a, verdicts)
	}
	if e.cfg.OnRetry == nil {
		return verdicts
	}
	for i, r := range b.Records {
		v := &verdicts[i]
		if !v.retry || !aboard[i] {
			continue
		}
		err := Guard("a hook", func() { e.cfg.OnRetry(r, b, v.delay, v.err) })
		if err != nil {
			v.retry, v.err = false, errors.Join(v.err, err)
		}
	}
	return verdicts
}

func (e *Engine) judgeResults(b *Batch, a *Answer, verdicts []verdict) {
	for i, r := range b.Records {
		res := &a.Results[i]
		r.tries++
		verdicts[i] = verdict{data: res.Data, err: res.Err, certainty: a.Fault.Certainty}
		if res.Retry {
			e.again(r, &verdicts[i], res.RetryAfter)
		}
	}
}

// judgeFailed decides for a batch that failed as a whole. Its records return
// together: the one that has failed most often draws the delay for all.
func (e *Engine) judgeFailed(b *Batch, a *Answer, verdicts []verdict) {
	var longest *Record
	var delay time.Duration
	for i, r := range b.Records {
		v := &verdicts[i]
		*v = verdict{err: a.Err, certainty: a.Fault.Certainty}
		if a.Fault.Class != fault.Throttled {
			r.tries++
		}
		if !e.mayRetry(r, a.Fault) {
			continue
		}
		e.again(r, v, a.Fault.RetryAfter)
		if v.retry && (longest == nil || len(r.earlier) > len(longest.earlier)) {
			longest, delay = r, v.delay
		}
	}
	for i := range verdicts {
		verdicts[i].delay = delay
	}
}

// mayRetry tells whether what f says lets a record try again.
func (e *Engine) mayRetry(r *Record, f fault.Fault) bool {
	switch f.Class {
	case fault.Throttled:
		return true
	case fault.Transient, fault.Slow:
		return f.Certainty == fault.NotExecuted || e.cfg.RetryUncertain
	case fault.Once:
		first := !r.onceUsed
		r.onceUsed = true
		return first
	default:
		return false
	}
}

// again has r retried after its backoff's next delay, and not before floor, if
// it has attempts left.
func (e *Engine) again(r *Record, v *verdict, floor time.Duration) {
	if r.tries >= e.cfg.MaxAttempts {
		return
	}
	delay := backoff.Stop
	err := Guard("the backoff", func() {
		if r.backoff == nil {
			r.backoff = e.cfg.Backoff()
		}
		delay = r.backoff.NextBackOff()
	})
	switch {
	case err != nil:
		v.err = errors.Join(v.err, err)
	case delay != backoff.Stop:
		v.retry, v.delay = true, max(delay, floor)
	}
}
