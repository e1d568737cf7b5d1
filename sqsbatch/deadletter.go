package sqsbatch

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambdabatch/lambdabatch"
)

// DeadLetterAttribute is the attribute of a message in a dead-letter queue that tells why it is there: a [DeadLetter] in JSON. A message that has ten attributes of
// its own, the most that SQS allows, or no room for more bytes, comes without it.
const DeadLetterAttribute = "lambdabatch.DeadLetter"

const (
	// Amazon SQS Developer Guide, "Amazon SQS message quotas".
	maxAttributes   = 10
	maxMessageBytes = 1 << 20

	maxErrorText = 2048 // bytes; what functions say can be long
)

// DeadLetter tells why a message has failed for good.
type DeadLetter struct {
	MessageID string              `json:"messageId"` // in the queue it comes from
	Queue     string              `json:"queue"`     // its URL
	Function  string              `json:"function"`
	Error     string              `json:"error"` // at most 2,048 bytes of it
	Receives  int                 `json:"receives"`
	Sent      time.Time           `json:"sent,omitzero"`
	Ended     time.Time           `json:"ended"`
	Attempts  []DeadLetterAttempt `json:"attempts,omitempty"` // of the last delivery; the last ten
}

// DeadLetterAttempt is one invocation that carried the message.
type DeadLetterAttempt struct {
	RequestID string `json:"requestId,omitempty"`
	BatchSize int    `json:"batchSize"`
	Error     string `json:"error,omitempty"`
}

func newDeadLetter(m Message, o outcome, c *config) DeadLetter {
	l := DeadLetter{
		MessageID: m.ID, Queue: c.queueURL, Function: c.batcher.Function, Error: clip(o.err.Error(), maxErrorText),
		Receives: m.Receives, Sent: m.Sent.UTC(), Ended: time.Now().UTC(),
	}
	for _, a := range o.attempts[max(0, len(o.attempts)-10):] {
		l.Attempts = append(l.Attempts, newDeadLetterAttempt(a))
	}
	return l
}

func newDeadLetterAttempt(a lambdabatch.Attempt) DeadLetterAttempt {
	d := DeadLetterAttempt{RequestID: a.RequestID, BatchSize: a.BatchSize}
	if a.Err != nil {
		d.Error = clip(a.Err.Error(), 256)
	}
	return d
}

// unsendable are the characters that encoding/json leaves as they are and SQS refuses (Amazon SQS API Reference, "SendMessage").
var unsendable = strings.NewReplacer("\ufffe", "", "\uffff", "")

// clip is at most n bytes of text, and what SQS takes: valid UTF-8, with characters that XML has.
func clip(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return unsendable.Replace(strings.ToValidUTF8(text, ""))
}

// letter is the message as it goes to the dead-letter queue.
func (r *run) letter(f *flight, o outcome) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{MessageBody: aws.String(f.Body), MessageAttributes: f.Attributes}
	if r.queue.fifo {
		e.MessageGroupId = aws.String(f.Group)
		e.MessageDeduplicationId = aws.String(f.ID) // so that it may be sent again without harm
	}
	why, err := json.Marshal(newDeadLetter(f.Message, o, r.config))
	if err != nil || len(f.Attributes) >= maxAttributes && !has(f.Attributes, DeadLetterAttribute) {
		return e
	}
	with := make(map[string]types.MessageAttributeValue, len(f.Attributes)+1)
	maps.Copy(with, f.Attributes)
	with[DeadLetterAttribute] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(string(why))}
	if sizeOf(f.Body, with) <= maxMessageBytes {
		e.MessageAttributes = with
	}
	return e
}

func has(attributes map[string]types.MessageAttributeValue, name string) bool {
	_, ok := attributes[name]
	return ok
}

// sizeOf is the size of a message as SQS counts it.
func sizeOf(body string, attributes map[string]types.MessageAttributeValue) int {
	n := len(body)
	for name, a := range attributes {
		n += len(name) + len(aws.ToString(a.DataType)) + len(aws.ToString(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

func (r *run) sendLetters(ctx context.Context, entries []types.SendMessageBatchRequestEntry) ([]types.BatchResultErrorEntry, error) {
	for i := range entries {
		entries[i].Id = place(i)
	}
	out, err := r.config.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: aws.String(r.config.deadURL), Entries: entries})
	if err != nil {
		return nil, err
	}
	return out.Failed, nil
}
