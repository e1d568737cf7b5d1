package sqsbatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// DeadLetterQueue is the letters in an SQS queue: those that a [Pipeline] has sent there, and those that the redrive policy of a queue has moved there, of which
// the error is not known. Reading holds all of them for hold, in whole seconds, up to 12 hours, after which they are visible again whether or not [Redrive] has ended.
// Of a FIFO queue only the first ten of each group can be read at a time.
func DeadLetterQueue(client Client, url string, hold time.Duration) Letters {
	return &letterQueue{client: client, url: url, hold: hold}
}

type letterQueue struct {
	client Client
	url    string
	hold   time.Duration

	mu   sync.Mutex // protects following
	held map[string]bool
}

func (q *letterQueue) read(ctx context.Context) ([]Letter, error) {
	if q.hold < time.Second || q.hold > maxVisibility {
		return nil, fmt.Errorf("sqsbatch: DeadLetterQueue(%s, %v): must be held for 1s to 12h", q.url, q.hold)
	}
	q.held = make(map[string]bool)
	var letters []Letter
	for misses := 0; misses < 2; { // a short look at a queue that is nearly empty may find nothing
		out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(q.url), MaxNumberOfMessages: maxBatch, WaitTimeSeconds: 1,
			VisibilityTimeout:           int32(q.hold / time.Second),
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil {
			return letters, fmt.Errorf("sqsbatch: dead-letter queue %s: %w", q.url, explain(err, "sqs:ReceiveMessage"))
		}
		misses++
		for i := range out.Messages {
			misses = 0
			l := letterOf(newMessage(&out.Messages[i]))
			l.key = aws.ToString(out.Messages[i].ReceiptHandle)
			letters = append(letters, l)
			q.held[l.key] = true
		}
	}
	return letters, nil
}

func letterOf(m Message) Letter {
	l := Letter{Message: m, Ended: m.Sent}
	var why DeadLetter
	if json.Unmarshal([]byte(aws.ToString(m.Attributes[DeadLetterAttribute].StringValue)), &why) == nil {
		l.ID, l.Error, l.Ended = why.MessageID, why.Error, why.Ended
	}
	return l
}

func (q *letterQueue) remove(ctx context.Context, l Letter) error {
	out, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
		QueueUrl: aws.String(q.url), Entries: []types.DeleteMessageBatchRequestEntry{{Id: place(0), ReceiptHandle: aws.String(l.key)}},
	})
	if err == nil {
		err = entryErrors(out.Failed, 1)[0]
	}
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.held, l.key)
	return nil
}

func (q *letterQueue) close(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, 0, maxBatch)
	var errs []error
	flush := func() {
		out, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(q.url), Entries: entries})
		if err == nil {
			err = errors.Join(entryErrors(out.Failed, len(entries))...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sqsbatch: dead-letter queue %s: letters stay hidden for up to %v: %w", q.url, q.hold, err))
		}
		entries = entries[:0]
	}
	for handle := range q.held {
		if entries = append(entries, changeEntry(len(entries), handle, 0)); len(entries) == maxBatch {
			flush()
		}
	}
	if len(entries) > 0 {
		flush()
	}
	return errors.Join(errs...)
}
