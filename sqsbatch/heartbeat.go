package sqsbatch

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// heartbeat extends the visibility of all that is held, until ctx ends.
func (r *run) heartbeat(ctx context.Context) {
	round := max(r.queue.visibility/10, 100*time.Millisecond)
	ticker := time.NewTicker(round)
	defer ticker.Stop()
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		r.beat(&calls, round)
	}
}

// pulse is one extension.
type pulse struct {
	flight  *flight
	handle  string
	seconds int32
}

func (r *run) beat(calls *sync.WaitGroup, round time.Duration) {
	now := time.Now()
	var due []pulse
	for _, f := range r.flights.all() {
		if f.expire(now) {
			r.tellLost(f, "no extension of its visibility was answered in time, or SQS's 12 hours are over")
			continue
		}
		if handle, seconds, ok := f.beat(now, r.queue.visibility, round); ok {
			due = append(due, pulse{f, handle, seconds})
		}
	}
	for len(due) > 0 {
		n := min(maxBatch, len(due))
		ten := due[:n:n]
		due = due[n:]
		calls.Go(func() { r.extend(ten) })
	}
}

func (r *run) extend(ten []pulse) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.calls, min(callTimeout, max(r.queue.visibility/4, time.Second)))
	defer cancel()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(ten))
	for i, p := range ten {
		entries[i] = changeEntry(i, p.handle, p.seconds)
	}
	out, err := r.config.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(r.config.queueURL), Entries: entries,
	})
	if err != nil {
		r.changes.fail(err)
		for _, p := range ten {
			p.flight.beaten(p, began, err)
		}
		return
	}
	extended := uint64(0)
	for i, err := range entryErrors(out.Failed, len(ten)) {
		p := ten[i]
		if p.flight.beaten(p, began, err) {
			r.tellLost(p.flight, "its visibility could not be extended: "+err.Error())
		}
		if err == nil {
			extended++
		}
	}
	r.counts.add(func(s *Stats) { s.Extended += extended })
}

func changeEntry(i int, handle string, seconds int32) types.ChangeMessageVisibilityBatchRequestEntry {
	return types.ChangeMessageVisibilityBatchRequestEntry{
		Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(handle), VisibilityTimeout: seconds,
	}
}
