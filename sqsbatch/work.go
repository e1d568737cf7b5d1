package sqsbatch

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambdabatch/lambdabatch"
)

// accept starts what was received, and returns how many messages hold room in the window now.
func (r *run) accept(messages []types.Message, now time.Time) (accepted int) {
	var groups [][]*flight
	byGroup := make(map[string]int)
	for i := range messages {
		m := &messages[i]
		f := newFlight(r.work, m, now, r.queue.visibility)
		adopt := func(held *flight) bool { return held.adopt(m, now, r.queue.visibility) }
		if !r.flights.add(f, adopt) {
			f.cancel(nil)
			r.counts.add(func(s *Stats) { s.Duplicates++ })
			continue
		}
		accepted++
		if r.config.fifo(f.Message) {
			if at, ok := byGroup[f.Group]; ok {
				groups[at] = append(groups[at], f)
				continue
			}
			byGroup[f.Group] = len(groups)
		}
		groups = append(groups, []*flight{f})
	}
	r.counts.add(func(s *Stats) {
		s.InFlight += accepted
		s.Window = r.window.size()
	})
	for _, g := range groups {
		r.working.Go(func() { r.inOrder(g) })
	}
	return accepted
}

// inOrder brings messages to their end one after the other. If one fails the others go back, so that they cannot overtake it.
func (r *run) inOrder(group []*flight) {
	held := false
	for _, f := range group {
		if held {
			r.giveBack(f)
		} else {
			held = !r.handle(f)
		}
		r.flights.remove(f)
		f.cancel(nil)
		r.window.release(1)
		r.counts.add(func(s *Stats) { s.InFlight-- })
	}
}

// handle reports whether the message has been deleted.
func (r *run) handle(f *flight) bool {
	if !f.ours() {
		return r.giveUp(f, "its turn came too late")
	}
	if r.work.Err() != nil {
		r.leave(f)
		return false
	}
	o := r.process(f.ctx, f.Message)
	if !f.ours() {
		return r.giveUp(f, "its outcome came too late")
	}
	if o.err != nil && r.work.Err() != nil && errors.Is(o.err, context.Canceled) {
		r.leave(f)
		return false
	}
	for _, a := range o.attempts {
		if a.Certainty != lambdabatch.NotExecuted {
			r.window.observe(a.Wait)
			break
		}
	}
	v, after := judge(o.err)
	if v == passing && r.config.deadURL != "" && f.Receives >= r.config.maxReceives {
		v = permanent
	}
	switch v {
	case succeeded, permanent:
		return r.finish(f, o, v)
	case passing:
		r.brake.succeed() // the function answers, even if not to our liking
	case blameless:
		r.pause()
	case closed:
		r.stop(errors.New("sqsbatch: the Batcher was closed while the Pipeline ran"))
		r.leave(f)
		return false
	}
	return r.retry(f, after)
}

// finish has the result written, and takes the message off the queue.
func (r *run) finish(f *flight, o outcome, v verdict) bool {
	if err := o.report(f.ctx, o.err); err != nil {
		r.counts.add(func(s *Stats) { s.ResultErrors++ })
		if r.work.Err() != nil {
			r.leave(f)
			return false
		}
		r.pause()
		return r.retry(f, 0)
	}
	r.brake.succeed()
	if v == permanent {
		var undecodable *DecodeError
		r.counts.add(func(s *Stats) {
			s.Dead++
			if errors.As(o.err, &undecodable) {
				s.Undecodable++
			}
		})
		if r.config.deadURL == "" {
			return r.retry(f, 0)
		}
		if err := r.letters.do(r.letter(f, o), f.ours); err != nil {
			r.config.logger.Warn("sqsbatch: a message could not be sent to the dead-letter queue", "queue", r.config.deadURL, "message", f.ID, "error", err.Error())
			return r.retry(f, 0)
		}
		r.counts.add(func(s *Stats) { s.DeadLetters++ })
	} else {
		r.counts.add(func(s *Stats) { s.Succeeded++ })
	}
	return r.delete(f)
}

func (r *run) delete(f *flight) bool {
	f.settle()
	if err := r.deletes.do(f.receipt(), f.ours); err != nil {
		return r.giveUp(f, "it could not be deleted: "+err.Error())
	}
	r.counts.add(func(s *Stats) { s.Deleted++ })
	return true
}

// retry lets the message come again, not before after has passed.
func (r *run) retry(f *flight, after time.Duration) bool {
	delay := max(r.delay(f.Receives), after) // which the Batcher has cut to 15 minutes
	if r.change(f, int32(math.Ceil(delay.Seconds()))) {
		r.counts.add(func(s *Stats) { s.Retried++ })
	}
	return false
}

// delay is how long a message stays away that was received n times.
func (r *run) delay(n int) time.Duration {
	jitter := lambdabatch.FullJitter(r.config.backoffBase, r.config.backoffLimit)
	for range min(n, 64) - 1 {
		jitter.NextBackOff()
	}
	return max(jitter.NextBackOff(), time.Second)
}

// leave gives back, at once, a message that there was no time for.
func (r *run) leave(f *flight) {
	r.mu.Lock()
	r.left = append(r.left, f.ID)
	r.mu.Unlock()
	<-r.polled // or it would be received again
	r.giveBack(f)
}

func (r *run) giveBack(f *flight) {
	if r.change(f, 0) {
		r.counts.add(func(s *Stats) { s.Returned++ })
	}
}

// change sets the visibility for the last time. It reports false if that was lost.
func (r *run) change(f *flight, seconds int32) bool {
	f.settle()
	err := r.changes.do(change{f.receipt(), seconds}, f.ours)
	if err == nil {
		return true
	}
	return r.giveUp(f, "its visibility could not be changed: "+err.Error())
}

// giveUp counts a message that somebody else may have. It reports false: the message has not been deleted.
func (r *run) giveUp(f *flight, why string) bool {
	if f.lose() {
		r.tellLost(f, why)
	}
	r.counts.add(func(s *Stats) { s.LostVisibility++ })
	return false
}

// pause takes note of a failure that is not the message's.
func (r *run) pause() {
	if r.brake.fail() {
		r.counts.add(func(s *Stats) { s.Pauses++ })
	}
}

// place is the ID of an entry in a batch.
func place(i int) *string { return aws.String(strconv.Itoa(i)) }
