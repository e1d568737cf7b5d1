package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// run is one Run of a Pipeline.
type run struct {
	config  *config
	queue   queue
	counts  *counts
	excuses *excuses
	process func(context.Context, Message) outcome

	window  *window
	brake   brake
	pollers pollers
	gather  time.Duration // between two receives, if the first has not brought all it might
	flights flights
	working sync.WaitGroup // goroutines of messages

	polled  chan struct{}           // closed when nothing is received any more
	polling context.Context         // of the pollers
	stop    context.CancelCauseFunc // ends it
	work    context.Context         // of the records and the result functions; ends with the grace time
	calls   context.Context         // of the calls to SQS; outlasts work

	hard      *time.Timer  // ends calls, when nothing is left but them
	reporting atomic.Int64 // result functions under way

	deletes tens[string]
	changes tens[change]
	letters tens[types.SendMessageBatchRequestEntry]

	mu       sync.Mutex // protects following
	left     []string   // IDs of messages that were not finished
	panicked time.Time  // when a panic was logged last
}

// change is a visibility timeout to be set.
type change struct {
	handle  string
	seconds int32
}

func newRun(c *config, q queue, counts *counts, excuses *excuses, process func(context.Context, Message) outcome) *run {
	r := &run{config: c, queue: q, counts: counts, excuses: excuses, process: process, polled: make(chan struct{})}
	r.window = newWindow(max(maxBatch, 2*c.batcher.MaxRecords), c.maxInFlight, c.batcher.Linger+q.visibility/4)
	r.gather = min(c.batcher.Linger/10, longestGather)
	r.flights.byID = make(map[string]*flight)
	r.flights.held = make(map[*flight]struct{})
	return r
}

func (r *run) run(ctx context.Context) error {
	c := r.config
	values := context.WithoutCancel(ctx)
	var endWork context.CancelCauseFunc
	var endCalls context.CancelFunc
	r.polling, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	r.work, endWork = context.WithCancelCause(values)
	defer endWork(nil)
	r.calls, endCalls = context.WithCancel(values)
	defer endCalls()
	r.hard = time.AfterFunc(time.Hour, func() {
		if r.reporting.Load() > 0 { // what has been written should be deleted
			r.hard.Reset(callTimeout)
			return
		}
		endCalls()
	})
	r.hard.Stop() // until receiving has ended
	r.batches()

	c.logger.Info("sqsbatch: receiving", "queue", c.queueURL, "function", c.batcher.Function, "visibility", r.queue.visibility)
	var beating sync.WaitGroup
	hearts, stopHearts := context.WithCancel(r.calls)
	beating.Go(func() { r.heartbeat(hearts) })
	r.poll(r.polling)
	<-r.polling.Done()

	graceful := time.AfterFunc(c.grace, func() { endWork(errGrace) })
	r.hard.Reset(c.grace + callTimeout)
	r.pollers.running.Wait()
	close(r.polled)
	flushing, endFlush := context.WithCancel(r.work)
	var flush sync.WaitGroup
	flush.Go(func() { r.flush(flushing) })
	r.working.Wait()
	endFlush()
	flush.Wait()
	stopHearts()
	beating.Wait()
	graceful.Stop()
	r.hard.Stop()

	var errs []error
	if why := context.Cause(r.polling); !errors.Is(why, context.Cause(ctx)) { // not the end that was asked for
		errs = append(errs, why)
	}
	if len(r.left) > 0 {
		slices.Sort(r.left)
		errs = append(errs, &LeftError{r.left})
	}
	c.logger.Info("sqsbatch: stopped", "queue", c.queueURL, "left", len(r.left))
	return errors.Join(errs...)
}

// flush keeps the Batcher from lingering. Messages of a group come one after the other, and each would linger anew.
func (r *run) flush(ctx context.Context) {
	for ctx.Err() == nil {
		_ = r.config.flush(ctx) // the end of ctx is all that it can tell
		_ = wait(ctx, 10*time.Millisecond)
	}
}

func (r *run) batches() {
	url := aws.String(r.config.queueURL)
	client := r.config.client
	r.deletes.call = func(ctx context.Context, handles []string) ([]types.BatchResultErrorEntry, error) {
		entries := make([]types.DeleteMessageBatchRequestEntry, len(handles))
		for i, h := range handles {
			entries[i] = types.DeleteMessageBatchRequestEntry{Id: place(i), ReceiptHandle: aws.String(h)}
		}
		out, err := client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries})
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	}
	r.changes.call = func(ctx context.Context, changes []change) ([]types.BatchResultErrorEntry, error) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(changes))
		for i, c := range changes {
			entries[i] = changeEntry(i, c.handle, c.seconds)
		}
		out, err := client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: entries})
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	}
	r.letters.call = r.sendLetters
	r.letters.size = func(e types.SendMessageBatchRequestEntry) int {
		return sizeOf(aws.ToString(e.MessageBody), e.MessageAttributes)
	}
	r.deletes.ctx, r.changes.ctx, r.letters.ctx = r.calls, r.calls, r.calls
	r.deletes.fail = r.failing("deleting messages", r.theQueue(), "sqs:DeleteMessage")
	r.changes.fail = r.failing("changing the visibility of messages", r.theQueue(), "sqs:ChangeMessageVisibility")
	r.letters.fail = r.failing("sending to the dead-letter queue", fmt.Sprintf("WithDeadLetterQueue(%q)", r.config.deadURL), "sqs:SendMessage")
}

func (r *run) theQueue() string { return "queueURL " + r.config.queueURL }

// failing takes note of calls that failed. What only a human can mend ends the Run, and the others will be repeated.
func (r *run) failing(doing, where, permission string) func(error) {
	return func(err error) {
		r.counts.add(func(s *Stats) { s.Failures++ })
		switch {
		case fatal(err):
			r.stop(fmt.Errorf("sqsbatch: %s: %w", where, explain(err, permission)))
		case r.calls.Err() == nil:
			r.config.logger.Warn("sqsbatch: "+doing+" failed", "queue", r.config.queueURL, "error", err.Error())
		}
	}
}

// tellLost takes note of a message that was just given up, for somebody else may have it.
func (r *run) tellLost(f *flight, why string) {
	r.config.logger.Warn("sqsbatch: the visibility of a message was lost, it will come again", "queue", r.config.queueURL, "message", f.ID, "why", why)
}

// flights are the messages that are held.
type flights struct {
	mu   sync.Mutex // protects following
	byID map[string]*flight
	held map[*flight]struct{}
}

func (all *flights) all() []*flight {
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Collect(maps.Keys(all.held))
}

// add takes a message in, unless it is held already.
func (all *flights) add(f *flight, again func(held *flight) bool) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if held := all.byID[f.ID]; held != nil && again(held) {
		return false
	}
	all.byID[f.ID] = f
	all.held[f] = struct{}{}
	return true
}

func (all *flights) remove(f *flight) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.held, f)
	if all.byID[f.ID] == f {
		delete(all.byID, f.ID)
	}
}
