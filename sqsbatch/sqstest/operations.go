package sqstest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of the SQS API (Amazon SQS Developer Guide, "Amazon SQS message quotas").
const (
	maxBatch = 10
	maxSize  = 1 << 20 // of a message, and of a batch of them
)

// An apiError is an answer that is an error of the API.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// input is the union of all that calls take.
type input struct {
	QueueURL                    string `json:"QueueUrl"`
	QueueName                   string
	MaxNumberOfMessages         *int
	WaitTimeSeconds             int
	VisibilityTimeout           *int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	Entries                     []entry
	entry
}

// entry is one of a batch, or what the call without a batch has in its place.
type entry struct {
	ID                     string `json:"Id"`
	ReceiptHandle          string
	VisibilityTimeout      *int
	MessageBody            string
	DelaySeconds           int
	MessageAttributes      map[string]Attribute
	MessageGroupID         string `json:"MessageGroupId"`
	MessageDeduplicationID string `json:"MessageDeduplicationId"`
}

type succeeded struct {
	ID               string `json:"Id,omitempty"`
	MessageID        string `json:"MessageId,omitempty"`
	MD5OfMessageBody string `json:",omitempty"`
	SequenceNumber   string `json:",omitempty"`
}

type failed struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// do does one call, under the faults that are for it.
func (s *Service) do(ctx context.Context, operation string, body []byte) (int, []byte, error) {
	var in input
	if err := json.Unmarshal(body, &in); err != nil {
		return answer(nil, refuse("SerializationException", "%v", err))
	}
	s.mu.Lock()
	s.calls[operation]++
	q := s.byURL(in.QueueURL)
	request := Request{Operation: operation}
	if q != nil {
		request.Queue = q.name
	}
	for _, e := range in.Entries {
		request.Entries = append(request.Entries, e.ID)
	}
	effect, latency := s.choose(request)
	s.mu.Unlock()
	if latency > 0 && !s.wait(ctx, latency, nil) {
		return 0, nil, errReset
	}
	switch {
	case effect.before:
		return 0, nil, errReset
	case effect.status != 0:
		return answer(nil, &apiError{effect.status, effect.code, effect.message})
	}
	out, err := s.perform(ctx, operation, q, &in, effect)
	if effect.after {
		return 0, nil, errReset
	}
	return answer(out, err)
}

func answer(out any, err error) (int, []byte, error) {
	status := http.StatusOK
	switch e := err.(type) { //nolint:errorlint // it is never wrapped
	case nil:
	case *apiError:
		status = e.status
		out = map[string]string{"__type": "com.amazonaws.sqs#" + e.code, "message": e.message}
	default:
		return 0, nil, err
	}
	body, err := json.Marshal(out)
	return status, body, err
}

func (s *Service) perform(ctx context.Context, operation string, q *Queue, in *input, effect Effect) (any, error) {
	if operation == "GetQueueUrl" {
		return s.queueURL(in.QueueName)
	}
	if q == nil {
		return nil, refuse("QueueDoesNotExist", "The specified queue does not exist.")
	}
	switch operation {
	case "GetQueueAttributes":
		return q.attributes(), nil
	case "ReceiveMessage":
		return q.receive(ctx, in)
	case "SendMessage":
		return locked(s, func() (any, error) { return q.sendOne(&in.entry) })
	case "DeleteMessage":
		return locked(s, func() (any, error) { return q.delete(&in.entry) })
	case "ChangeMessageVisibility":
		in.entry.VisibilityTimeout = in.VisibilityTimeout
		return locked(s, func() (any, error) { return q.change(&in.entry) })
	case "SendMessageBatch":
		size := 0
		for _, e := range in.Entries {
			size += (&message{body: e.MessageBody, attributes: e.MessageAttributes}).size()
		}
		if size > maxSize {
			return nil, refuse("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxSize, size)
		}
		return q.batch(in.Entries, effect, q.sendOne)
	case "DeleteMessageBatch":
		return q.batch(in.Entries, effect, q.delete)
	case "ChangeMessageVisibilityBatch":
		return q.batch(in.Entries, effect, q.change)
	default:
		return nil, refuse("InvalidAction", "sqstest does not know the operation %q", operation)
	}
}

func locked(s *Service, f func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f()
}

// wait reports false if ctx has ended, or the service was closed, before d was over or wake was closed.
func (s *Service) wait(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	case <-s.closing:
		return false
	}
}

func (s *Service) queueURL(name string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[name]
	if q == nil {
		return nil, refuse("QueueDoesNotExist", "The specified queue does not exist.")
	}
	return map[string]string{"QueueUrl": q.URL()}, nil
}

func (q *Queue) attributes() any {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	now := time.Now()
	visible, inFlight, delayed := 0, 0, 0
	for _, m := range q.messages {
		switch {
		case m.inFlight(now):
			inFlight++
		case m.visibleAt.After(now):
			delayed++
		default:
			visible++
		}
	}
	all := map[string]string{
		"QueueArn":                              q.ARN(),
		"VisibilityTimeout":                     strconv.Itoa(int(q.visibility / time.Second)),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"MaximumMessageSize":                    strconv.Itoa(maxSize),
	}
	if q.deadLetter != nil {
		all["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, q.deadLetter.ARN(), q.maxReceive)
	}
	if q.fifo {
		all["FifoQueue"] = "true"
	}
	return map[string]any{"Attributes": all}
}

func (q *Queue) receive(ctx context.Context, in *input) (any, error) {
	n := 1
	if in.MaxNumberOfMessages != nil {
		n = *in.MaxNumberOfMessages
	}
	if n < 1 || n > maxBatch {
		return nil, refuse("InvalidParameterValue", "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", n)
	}
	visibility := q.visibility
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	end := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		q.service.mu.Lock()
		now := time.Now()
		taken, next := q.take(n, visibility, now)
		messages := make([]wireMessage, len(taken))
		for i, m := range taken {
			messages[i] = m.wire(len(in.MessageSystemAttributeNames)+len(in.AttributeNames) > 0, len(in.MessageAttributeNames) > 0)
		}
		changed := q.changed
		q.service.mu.Unlock()
		if len(messages) > 0 || !now.Before(end) {
			return map[string]any{"Messages": messages}, nil
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		if !q.service.wait(ctx, next.Sub(now), changed) {
			return nil, errReset
		}
	}
}

func (q *Queue) batch(entries []entry, effect Effect, one func(*entry) (any, error)) (any, error) {
	if len(entries) == 0 {
		return nil, refuse("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(entries) > maxBatch {
		return nil, refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", len(entries))
	}
	var ids []string
	for _, e := range entries {
		if slices.Contains(ids, e.ID) {
			return nil, refuse("BatchEntryIdsNotDistinct", "Id %s repeated.", e.ID)
		}
		ids = append(ids, e.ID)
	}
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	out := struct {
		Successful []succeeded
		Failed     []failed
	}{[]succeeded{}, []failed{}}
	for i := range entries {
		if effect.fail != nil && effect.fail(i) {
			out.Failed = append(out.Failed, failed{entries[i].ID, effect.code, "fault", effect.senderFault})
			continue
		}
		done, err := one(&entries[i])
		if err != nil {
			e := err.(*apiError) //nolint:errorlint // it is never wrapped
			out.Failed = append(out.Failed, failed{entries[i].ID, e.code, e.message, true})
			continue
		}
		s, _ := done.(succeeded)
		s.ID = entries[i].ID
		out.Successful = append(out.Successful, s)
	}
	return out, nil
}

// refused is what SQS says of a message that it does not take.
func (m *message) refused() error {
	switch {
	case m.body == "":
		return refuse("InvalidParameterValue", "Message must be at least one character.")
	case m.size() > maxSize:
		return refuse("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxSize)
	case unsendable(m.body) || slices.ContainsFunc(slices.Collect(maps.Values(m.attributes)), func(a Attribute) bool { return unsendable(a.StringValue) }):
		return refuse("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	default:
		return nil
	}
}

// unsendable tells whether text has what may not be in a message (Amazon SQS API Reference, "SendMessage").
func unsendable(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool {
		return c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF
	})
}

func (q *Queue) sendOne(e *entry) (any, error) {
	m := &message{body: e.MessageBody, group: e.MessageGroupID, attributes: e.MessageAttributes}
	if err := m.refused(); err != nil {
		return nil, err
	}
	switch {
	case len(e.MessageAttributes) > 10:
		return nil, refuse("InvalidParameterValue", "Number of message attributes [%d] exceeds the allowed maximum [10].", len(e.MessageAttributes))
	case q.fifo && e.MessageGroupID == "":
		return nil, refuse("MissingParameter", "The request must contain the parameter MessageGroupId.")
	}
	if q.fifo {
		m.dedup = e.MessageDeduplicationID
		if m.dedup == "" {
			m.dedup = sum(e.MessageBody) // as with ContentBasedDeduplication
		}
		if before, ok := q.sent[m.dedup]; ok && time.Since(before.at) < 5*time.Minute {
			return succeeded{MessageID: before.id, MD5OfMessageBody: sum(e.MessageBody), SequenceNumber: before.sequence}, nil
		}
	}
	q.add(m, time.Duration(e.DelaySeconds)*time.Second)
	if q.fifo {
		q.sent[m.dedup] = dedup{time.Now(), *m}
	}
	return succeeded{MessageID: m.id, MD5OfMessageBody: sum(m.body), SequenceNumber: m.sequence}, nil
}

func (q *Queue) delete(e *entry) (any, error) {
	m, ok := q.handles[e.ReceiptHandle]
	if !ok {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	switch {
	case m.gone:
	case q.fifo && (m.handle != e.ReceiptHandle || !m.inFlight(time.Now())):
		return nil, refuse("InvalidParameterValue", "Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", e.ReceiptHandle)
	case m.handle == e.ReceiptHandle:
		q.remove(m)
		q.wake()
	}
	return succeeded{}, nil
}

func (q *Queue) change(e *entry) (any, error) {
	m, ok := q.handles[e.ReceiptHandle]
	if !ok {
		return nil, refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	if e.VisibilityTimeout == nil || *e.VisibilityTimeout < 0 || *e.VisibilityTimeout > int(maxTotalVisibility/time.Second) {
		return nil, refuse("InvalidParameterValue", "VisibilityTimeout must be between 0 and 43200 seconds.")
	}
	now := time.Now()
	visibleAt := now.Add(time.Duration(*e.VisibilityTimeout) * time.Second)
	switch {
	case m.gone || m.handle != e.ReceiptHandle || !m.inFlight(now):
		return nil, refuse("InvalidParameterValue",
			"Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", e.ReceiptHandle)
	case visibleAt.After(m.receivedAt.Add(maxTotalVisibility)):
		return nil, refuse("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	m.visibleAt = visibleAt
	q.wake()
	return succeeded{}, nil
}
