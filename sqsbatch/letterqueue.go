package sqsbatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// DeadLetterQueue is the letters in an SQS queue: those that a [Pipeline] has sent there, and those that the redrive policy of a queue has moved there, of which
// the error is not known. Letters are hidden from others for hold at a time, in whole seconds, up to 12 hours, and for as long as [Redrive] works on them: so a process that dies hides
// them no longer than hold. A letter that is there twice, as SQS allows, counts once: both are removed together. Of a FIFO queue only the first ten of each group can be read at a time.
func DeadLetterQueue(client Client, url string, hold time.Duration) Letters {
	return &letterQueue{client: client, url: url, hold: hold}
}

type letterQueue struct {
	client Client
	url    string
	hold   time.Duration

	keeping sync.WaitGroup
	stop    context.CancelFunc // ends the keeping

	mu     sync.Mutex             // protects following
	held   map[string]*heldLetter // by the ID of the message in this queue
	copies map[string][]string    // these IDs, by the key of the letter
	late   bool                   // some were visible again before all were read
}

// heldLetter is a message that is hidden from others.
type heldLetter struct {
	handle  string
	until   time.Time // it is ours at least so long
	longest time.Time // and cannot be for longer
	lost    bool
}

func (h *heldLetter) ours() bool { return h != nil && !h.lost && time.Now().Before(h.until) }

// keepers is how many calls at a time extend what is held.
const keepers = 8

func (q *letterQueue) validate() error {
	var errs []error
	if isNil(q.client) {
		errs = append(errs, errors.New("sqsbatch: DeadLetterQueue: client: must not be nil"))
	}
	if !validURL(q.url) {
		errs = append(errs, fmt.Errorf("sqsbatch: DeadLetterQueue: url %q: must be the URL of a queue", q.url))
	}
	if q.hold < time.Second || q.hold > maxVisibility || q.hold%time.Second != 0 {
		errs = append(errs, fmt.Errorf("sqsbatch: DeadLetterQueue: hold %v: must be whole seconds, from 1s to 12h", q.hold))
	}
	return errors.Join(errs...)
}

func (q *letterQueue) read(ctx context.Context) ([]Letter, error) {
	q.held, q.copies, q.late = make(map[string]*heldLetter), make(map[string][]string), false
	var keep context.Context
	keep, q.stop = context.WithCancel(context.WithoutCancel(ctx))
	q.keeping.Go(func() { q.keep(keep) })
	var letters []Letter
	for misses := 0; misses < 2; { // a short look at a queue that is nearly empty may find nothing
		out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(q.url), MaxNumberOfMessages: maxBatch, WaitTimeSeconds: 1,
			VisibilityTimeout:           int32(q.hold / time.Second), //nolint:gosec // at most 12 hours
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil {
			return letters, fmt.Errorf("sqsbatch: dead-letter queue %s: %w", q.url, explain(err, "sqs:ReceiveMessage"))
		}
		misses++
		now := time.Now()
		for i := range out.Messages {
			m := newMessage(&out.Messages[i])
			again, first := q.take(m, aws.ToString(out.Messages[i].ReceiptHandle), now)
			if again {
				continue
			}
			misses = 0
			if first {
				letters = append(letters, letterOf(m))
			}
		}
		if q.late {
			return letters, fmt.Errorf("sqsbatch: DeadLetterQueue: hold %v: must be longer, for letters are visible again before all of them are read", q.hold)
		}
	}
	return letters, nil
}

// take holds a message. It reports whether that was received before, or else whether its letter is a new one.
func (q *letterQueue) take(m Message, handle string, now time.Time) (again, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.held[m.ID]
	if again = h != nil; again {
		q.late = q.late || !now.Before(h.until)
	} else {
		h = new(heldLetter)
		q.held[m.ID] = h
		key := letterOf(m).key
		first = len(q.copies[key]) == 0
		q.copies[key] = append(q.copies[key], m.ID)
	}
	*h = heldLetter{handle: handle, until: now.Add(q.hold), longest: now.Add(maxVisibility - margin)}
	return again, first
}

func letterOf(m Message) Letter {
	l := Letter{Message: m, Ended: m.Sent}
	var why DeadLetter
	if json.Unmarshal([]byte(aws.ToString(m.Attributes[DeadLetterAttribute].StringValue)), &why) == nil {
		l.ID, l.Error, l.Ended = why.MessageID, why.Error, why.Ended
	}
	l.key = l.ID + "\n" + l.Body // whoever sends a message may give it the attribute of another one
	return l
}

// keep extends the visibility of all that is held, until ctx ends.
func (q *letterQueue) keep(ctx context.Context) {
	round := max(q.hold/10, 100*time.Millisecond)
	ticker := time.NewTicker(round)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		var calls sync.WaitGroup
		free := make(chan struct{}, keepers)
		for ten := range slices.Chunk(q.due(round), maxBatch) {
			free <- struct{}{}
			calls.Go(func() {
				q.extend(ctx, ten)
				<-free
			})
		}
		calls.Wait()
	}
}

// due is the IDs of what must be extended before the next round.
func (q *letterQueue) due(round time.Duration) (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for id, h := range q.held {
		if h.ours() && h.until.Sub(now) <= q.hold/2+round && now.Add(q.hold).Before(h.longest) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (q *letterQueue) extend(ctx context.Context, ids []string) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	handles := q.handles(ids)
	answers, err := q.change(ctx, handles, int32(q.hold/time.Second)) //nolint:gosec // at most 12 hours
	if err != nil {
		return // the next round tries again, as long as they are ours
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, id := range ids {
		h := q.held[id]
		if h == nil || h.handle != handles[i] { // it was removed, or received again
			continue
		}
		var refused *entryError
		switch {
		case answers[i] == nil:
			h.until = began.Add(q.hold)
		case errors.As(answers[i], &refused) && refused.ours:
			h.lost = true
		}
	}
}

func (q *letterQueue) handles(ids []string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	handles := make([]string, len(ids))
	for i, id := range ids {
		if h := q.held[id]; h != nil {
			handles[i] = h.handle
		}
	}
	return handles
}

// change sets the visibility of up to ten messages.
func (q *letterQueue) change(ctx context.Context, handles []string, seconds int32) ([]error, error) {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(handles))
	for i, handle := range handles {
		entries[i] = changeEntry(i, handle, seconds)
	}
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(q.url), Entries: entries})
	if err != nil {
		return nil, err
	}
	return entryErrors(out.Failed, len(handles)), nil
}

func (q *letterQueue) holds(l Letter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !slices.ContainsFunc(q.copies[l.key], func(id string) bool { return !q.held[id].ours() })
}

func (q *letterQueue) remove(ctx context.Context, l Letter) error {
	if !q.holds(l) {
		return ErrVisibilityLost
	}
	q.mu.Lock()
	ids := slices.Clone(q.copies[l.key])
	q.mu.Unlock()
	var errs []error
	for ten := range slices.Chunk(ids, maxBatch) {
		errs = append(errs, q.delete(ctx, ten))
	}
	return errors.Join(errs...)
}

func (q *letterQueue) delete(ctx context.Context, ids []string) error {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(ids))
	for i, handle := range q.handles(ids) {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: place(i), ReceiptHandle: aws.String(handle)}
	}
	out, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(q.url), Entries: entries})
	if err != nil {
		return explain(err, "sqs:DeleteMessage")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	errs := entryErrors(out.Failed, len(ids))
	for i, id := range ids {
		if errs[i] == nil {
			delete(q.held, id)
		}
	}
	return errors.Join(errs...)
}

// close gives back what is still held. Of what was lost meanwhile there is nothing to tell: it is visible already.
func (q *letterQueue) close(ctx context.Context) error {
	q.stop()
	q.keeping.Wait()
	var left []string
	for id, h := range q.held {
		if h.ours() {
			left = append(left, id)
		}
	}
	hidden, why := 0, error(nil)
	for ten := range slices.Chunk(left, maxBatch) {
		answers, err := q.change(ctx, q.handles(ten), 0)
		if err != nil {
			answers = slices.Repeat([]error{explain(err, "sqs:ChangeMessageVisibility")}, len(ten))
		}
		for _, err := range answers {
			if err != nil {
				hidden++
				why = err
			}
		}
	}
	if hidden > 0 {
		return fmt.Errorf("sqsbatch: dead-letter queue %s: %d letters stay hidden for up to %v: %w", q.url, hidden, q.hold, why)
	}
	return nil
}
