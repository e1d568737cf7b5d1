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
	at := 0
	end := func() {
		f := group[at]
		at++
		r.flights.remove(f)
		f.cancel(nil)
		r.window.release(1)
		r.counts.add(func(s *Stats) { s.InFlight-- })
	}
	hold := func() {
		for ; at < len(group); end() {
			r.giveBack(group[at])
		}
	}
	defer func() {
		if at < len(group) { // code of the user's has ended this goroutine
			r.interrupted(group[at], errExited)
			end()
			hold()
		}
	}()
	for at < len(group) {
		deleted := r.handle(group[at])
		end()
		if !deleted {
			hold()
		}
	}
}

// handle reports whether the message has been deleted.
func (r *run) handle(f *flight) bool {
	if !f.ours() {
		return r.giveUp(f, "its turn came too late")
	}
	if r.work.Err() != nil {
		return r.leave(f, 0)
	}
	o := r.process(f.ctx, f.Message)
	if !f.ours() {
		return r.giveUp(f, "its outcome came too late")
	}
	running := time.Duration(0)
	if r.config.fifo(f.Message) { // nobody may have the next one of the group before that is over
		running = o.running(r.config.batcher.InvocationTimeout)
	}
	if o.err != nil && r.work.Err() != nil && errors.Is(o.err, context.Canceled) {
		return r.leave(f, running)
	}
	for _, a := range o.attempts {
		if a.Certainty != lambdabatch.NotExecuted {
			r.window.observe(a.Wait)
			break
		}
	}
	r.tellPanic(f, o.err)
	v, after := judge(o.err)
	if v == passing && r.config.deadURL != "" && f.Receives-r.excuses.of(f.ID) >= r.config.maxReceives {
		v = permanent
	}
	switch v {
	case succeeded, permanent:
		return r.finish(f, o, v)
	case passing:
		r.brake.succeed() // the function answers, even if not to our liking
	case blameless:
		r.excuses.add(f.ID)
		r.pause(f, o.err)
	case closed:
		r.stop(errors.New("sqsbatch: the Batcher was closed before the Run ended"))
		return r.leave(f, 0)
	}
	return r.retry(f, max(after, running))
}

// finish has the result written, and takes the message off the queue.
func (r *run) finish(f *flight, o outcome, v verdict) bool {
	if err := r.report(f, o); err != nil {
		r.counts.add(func(s *Stats) { s.ResultErrors++ })
		r.tellPanic(f, err)
		return r.interrupted(f, err)
	}
	r.brake.succeed()
	if v == succeeded {
		r.counts.add(func(s *Stats) { s.Succeeded++ })
		return r.delete(f)
	}
	if r.config.deadURL != "" {
		if err := r.letters.do(r.letter(f, o), f.ours); err != nil {
			r.excuses.add(f.ID)
			if fatal(err) {
				r.unfinished(f)
			} else {
				r.config.logger.Warn("sqsbatch: a message could not be sent to the dead-letter queue", "queue", r.config.deadURL, "message", f.ID, "error", err.Error())
			}
			return r.retry(f, 0)
		}
		r.counts.add(func(s *Stats) { s.DeadLetters++ })
	}
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
	return r.delete(f)
}

// report calls the result function. If that takes longer than the grace time, there is time left to delete the message.
func (r *run) report(f *flight, o outcome) error {
	r.reporting.Add(1)
	defer func() {
		if r.work.Err() != nil {
			r.hard.Reset(callTimeout)
		}
		r.reporting.Add(-1)
	}()
	return o.report(f.ctx, o.err)
}

// interrupted is for a message whose result was not written. It has no part in that.
func (r *run) interrupted(f *flight, why error) bool {
	if r.work.Err() != nil {
		return r.leave(f, 0)
	}
	r.excuses.add(f.ID)
	r.pause(f, why)
	return r.retry(f, 0)
}

func (r *run) delete(f *flight) bool {
	f.settle()
	err := r.deletes.do(f.receipt(), f.ours)
	if err == nil {
		r.counts.add(func(s *Stats) { s.Deleted++ })
		r.excuses.forget(f.ID)
		return true
	}
	if fatal(err) || r.work.Err() != nil {
		r.unfinished(f)
	}
	if fatal(err) {
		r.counts.add(func(s *Stats) { s.Retried++ }) // when its visibility has run down
		return false
	}
	return r.giveUp(f, "it could not be deleted: "+err.Error())
}

// retry lets the message come again, not before after has passed.
func (r *run) retry(f *flight, after time.Duration) bool {
	r.change(f, max(r.delay(f.Receives), after)) // after is a function's wish, cut to 15 minutes by the Batcher, or what is left of an invocation
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

// leave gives back a message that there was no time for: at once, or when an invocation that may have it is over. It reports false: the message has
// not been deleted.
func (r *run) leave(f *flight, after time.Duration) bool {
	r.unfinished(f)
	r.excuses.add(f.ID)
	<-r.polled // or it would be received again
	r.change(f, after)
	return false
}

// unfinished takes note of a message for the error of the Run.
func (r *run) unfinished(f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = append(r.left, f.ID)
}

// giveBack is for a message that was held by its group.
func (r *run) giveBack(f *flight) {
	if r.work.Err() != nil {
		r.leave(f, 0)
		return
	}
	r.excuses.add(f.ID)
	r.change(f, 0)
}

// change sets the visibility for the last time.
func (r *run) change(f *flight, after time.Duration) {
	f.settle()
	err := r.changes.do(change{f.receipt(), int32(math.Ceil(after.Seconds()))}, f.ours)
	switch {
	case err == nil && after == 0:
		r.counts.add(func(s *Stats) { s.Returned++ })
	case err == nil, fatal(err): // it comes again when its visibility has run down, then
		r.counts.add(func(s *Stats) { s.Retried++ })
	default:
		r.giveUp(f, "its visibility could not be changed: "+err.Error())
	}
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
func (r *run) pause(f *flight, why error) {
	if r.brake.fail() {
		r.counts.add(func(s *Stats) { s.Pauses++ })
		r.config.logger.Warn("sqsbatch: receiving pauses, for a failure that is not the message's", "queue", r.config.queueURL, "message", f.ID, "error", clip(why.Error(), maxErrorText))
	}
}

// tellPanic logs a panic of the user's code. One in a second is enough: thousands of messages may meet the same one.
func (r *run) tellPanic(f *flight, err error) {
	var p *panicError
	if !errors.As(err, &p) {
		return
	}
	r.mu.Lock()
	often := time.Since(r.panicked) < time.Second
	if !often {
		r.panicked = time.Now()
	}
	r.mu.Unlock()
	if !often {
		r.config.logger.Error(p.Error(), "queue", r.config.queueURL, "message", f.ID, "stack", string(p.stack))
	}
}

// place is the ID of an entry in a batch.
func place(i int) *string { return aws.String(strconv.Itoa(i)) }
