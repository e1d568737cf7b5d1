package sqsbatch

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambdabatch/lambdabatch"
)

// longPoll is how long SQS waits for a message at the most, in seconds (Amazon SQS API Reference, "ReceiveMessage").
const longPoll = 20

// longestGather bounds how long messages gather in the queue. A long poll ends with the first message that comes, so that at a steady rate each would cost a
// receive of its own, for which there is a bill.
const longestGather = time.Second

// pollers receive until their context ends.
type pollers struct {
	running sync.WaitGroup

	mu sync.Mutex // protects following
	n  int
}

// poll starts another poller, unless there are enough.
func (r *run) poll(ctx context.Context) {
	p := &r.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n >= r.config.pollers || ctx.Err() != nil {
		return
	}
	p.n++
	r.counts.add(func(s *Stats) { s.Pollers++ })
	p.running.Go(func() { r.poller(ctx) })
}

// retire reports whether a poller may end: the last one stays.
func (r *run) retire(always bool) bool {
	p := &r.pollers
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 1 && !always {
		return false
	}
	p.n--
	r.counts.add(func(s *Stats) { s.Pollers-- })
	return true
}

func (r *run) poller(ctx context.Context) {
	backoff := lambdabatch.FullJitter(500*time.Millisecond, longestPause)
	for {
		n, err := r.window.acquire(ctx)
		if err != nil {
			r.retire(true)
			return
		}
		r.brake.wait(ctx)
		got, err := 0, ctx.Err()
		if err == nil {
			got, err = r.receive(ctx, n)
		}
		r.window.release(n - got)
		if got == 0 {
			r.brake.idle()
		}
		switch {
		case ctx.Err() != nil:
			r.retire(true)
			return
		case fatal(err):
			r.failing("receiving", r.theQueue(), "sqs:ReceiveMessage")(err)
			r.retire(true)
			return
		case err != nil:
			r.failing("receiving", r.theQueue(), "sqs:ReceiveMessage")(err)
			_ = wait(ctx, backoff.NextBackOff()) // the next round looks at ctx
			continue
		case got == n:
			r.poll(ctx)
		case got == 0 && r.retire(false):
			return
		case got > 0:
			_ = wait(ctx, r.gather) // the next round looks at ctx
		}
		backoff.Reset()
	}
}

// receive takes up to n messages in.
func (r *run) receive(ctx context.Context, n int) (int, error) {
	// A long poll that is cut off may have taken messages with it, so it gets a second to end by itself.
	polling, cancel := context.WithCancel(r.calls)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = wait(polling, min(time.Second, r.config.grace)) // it is over then, or it is cut off
		cancel()
	})()
	in := &sqs.ReceiveMessageInput{
		QueueUrl:                    aws.String(r.config.queueURL),
		MaxNumberOfMessages:         int32(n), //nolint:gosec // at most 10
		WaitTimeSeconds:             longPoll,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		VisibilityTimeout:           int32(r.queue.visibility / time.Second), //nolint:gosec // at most 12 hours
	}
	out, err := r.config.client.ReceiveMessage(polling, in)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	r.counts.add(func(s *Stats) {
		s.Receives++
		s.Received += uint64(len(out.Messages))
		if len(out.Messages) == 0 {
			s.EmptyReceives++
		}
	})
	return r.accept(out.Messages, now), nil
}
