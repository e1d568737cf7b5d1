package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch"
)

// Pipeline works off an SQS queue. It must be made by [New]. All methods may be called concurrently, but one Run at a time.
type Pipeline[In, Out any] struct {
	config  *config
	batcher *lambdabatch.Batcher[In, Out]
	decode  func(Message) (In, error)
	result  func(context.Context, Message, Out, error) error
	counts  counts
	excuses excuses
	running atomic.Bool
}

// New makes a Pipeline that receives from the queue and sends through batcher, which may have other users, and which the
// Pipeline does not close. It must be a RequestResponse one, perhaps with [Results] as its client: what becomes of an Event is not known. New makes no call. Its error tells of every argument and option that cannot be.
//
// A Batcher for a standard queue should linger for long, seconds, if results have that time: batches then are full at a low rate, too. For a FIFO queue it should linger for a few
// milliseconds, for each message of a group lingers anew. Its invocation timeout should be little more than the function's own; see [WithVisibility].
func New[In, Out any](client Client, queueURL string, batcher *lambdabatch.Batcher[In, Out], opts ...Option) (*Pipeline[In, Out], error) {
	c := newConfig(opts)
	c.client, c.queueURL = client, queueURL
	p := &Pipeline[In, Out]{config: c, batcher: batcher}
	var noDecode, noResult error
	p.decode, noDecode = decoderOf[In]("WithDecode", c.decode)
	p.result, noResult = functionOf[func(context.Context, Message, Out, error) error]("WithResult", "none", c.result)
	if err := errors.Join(c.validate(), fitFor(batcher, ""), noDecode, noResult); err != nil {
		return nil, err
	}
	c.batcher, c.flush = batcher.Settings(), batcher.Flush
	c.maxInFlight = min(c.maxInFlight, c.batcher.MaxBuffered)
	return p, nil
}

// Run works off the queue until ctx ends, or something is wrong that only a human can mend, as when a permission is missing, now or later. It begins with a check of the settings against
// the queue's: all that is wrong is in one error, before anything is received. It needs the permissions sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:DeleteMessage and
// sqs:ChangeMessageVisibility, and for a dead-letter queue sqs:SendMessage; it looks for the third and the fourth by a call
// with a receipt handle that does not exist.
//
// When ctx has ended Run receives nothing more, lets the Batcher send what waits there without lingering, and returns nil when everything is done. See
// [WithGrace] for how long that may take, and [LeftError] for what it returns if that was not enough. Run waits for result functions, also for those that do not heed their ctx.
// Long polls under way are given a second to end; a message that arrives as one is cut off stays invisible for its visibility timeout.
//
// When Run has returned nothing of it is running any more. It may be called again then.
func (p *Pipeline[In, Out]) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer p.running.Store(false)
	queue, err := p.config.check(ctx)
	if ctx.Err() != nil {
		return nil // nothing was received
	}
	if err != nil {
		return err
	}
	return newRun(p.config, queue, &p.counts, &p.excuses, p.process).run(ctx)
}

// fitFor tells what is wrong with a Batcher whose outcomes decide over messages.
func fitFor[In, Out any](batcher *lambdabatch.Batcher[In, Out], of string) error {
	if batcher == nil {
		return fmt.Errorf("sqsbatch: %sbatcher: must not be nil", of)
	}
	if t := batcher.Settings().InvocationType; t == types.InvocationTypeEvent {
		return fmt.Errorf("sqsbatch: %sWithInvocationType(%q) of the Batcher: must be RequestResponse, for what becomes of an Event is not known, and its message would be "+
			"deleted whatever becomes of it; for asynchronous invocations give lambdabatch.New a Results as its client, and leave the type as it is", of, t)
	}
	return nil
}

// Stats returns what the Pipeline has done so far, in all of its Runs, and what it holds at the moment.
func (p *Pipeline[In, Out]) Stats() Stats { return p.counts.get() }

// outcome is what the function made of a message.
type outcome struct {
	err       error
	submitted time.Time
	attempts  []lambdabatch.Attempt
	report    func(context.Context, error) error // calls the result function
}

// running is for how long yet an invocation may have the message of which nobody knows the end.
func (o *outcome) running(timeout time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, a := range o.attempts {
		if a.Certainty == lambdabatch.MaybeExecuted {
			longest = max(longest, time.Until(o.submitted.Add(a.Wait+timeout)))
		}
	}
	return longest
}

// process brings a message through the Batcher.
func (p *Pipeline[In, Out]) process(ctx context.Context, m Message) outcome {
	var in In
	var out Out
	o := outcome{report: func(ctx context.Context, err error) error {
		if p.result == nil {
			return nil
		}
		return guard("the result function", func() error { return p.result(ctx, m, out, err) })
	}}
	err := guard("the decode function", func() (err error) {
		in, err = p.decode(m)
		return err
	})
	if err != nil {
		o.err = &DecodeError{m.ID, err}
		return o
	}
	opts := []lambdabatch.RecordOption{lambdabatch.ID(m.ID)}
	if p.config.fifo(m) {
		opts = append(opts, lambdabatch.OrderingKey(m.Group))
	}
	o.submitted = time.Now()
	f := p.batcher.Submit(ctx, in, opts...)
	out, o.err = f.Await(context.Background()) // ctx is the record's, too, and ends both
	o.attempts = f.Attempts()
	return o
}
