package handler

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// shape is who called: it decides what the answer looks like.
type shape uint8

const (
	envelope shape = iota
	sqsEvent
	array
	single
)

// foreign are members that events of other AWS services have: of Kafka and MQ (which
// have records that are no array, too), of EventBridge, of API Gateway and function URLs.
var foreign = []string{"records", "eventSource", "detail-type", "requestContext"}

// event is a payload that has been understood.
type event struct {
	shape   shape
	records []record
	chains  [][]int // records to be worked on one after the other; nil if all are independent
}

// record is one record of an event.
type record struct {
	id   []byte // nil: it has none
	raw  []byte // the ID as JSON
	data []byte
	text bool // data is text that need not be JSON
}

// recognise reads a payload.
func recognise(payload []byte) (event, error) {
	requests, ok, err := wire.ParseRequest(payload, make([]wire.Request, 0, 32))
	if ok {
		if err != nil {
			return event{}, fmt.Errorf("handler: the payload has records, but they cannot be understood: %w", err)
		}
		e := event{shape: envelope, records: make([]record, len(requests))}
		for i, r := range requests {
			e.records[i] = record{id: r.ID, raw: r.Raw, data: r.Data}
		}
		return e, nil
	}
	if elements, ok := wire.Elements(payload, nil); ok {
		e := event{shape: array, records: make([]record, len(elements))}
		for i, data := range elements {
			e.records[i].data = data
		}
		return e, nil
	}
	if !wire.Valid(payload) {
		return event{}, errors.New("handler: the payload is not JSON")
	}
	if records := wire.Member(payload, "Records"); records != nil {
		return recogniseSQS(records)
	}
	for _, name := range foreign {
		if value := wire.Member(payload, name); value != nil {
			return event{}, fmt.Errorf("handler: the payload has %s %.40s: it is an event of another kind, which this function does not take", name, value)
		}
	}
	if string(bytes.TrimSpace(payload)) == "null" {
		return event{}, errors.New("handler: the payload is null")
	}
	return event{shape: single, records: []record{{data: payload}}}, nil
}

// message is what is needed of an SQS message in an event.
type message struct {
	MessageID      string `json:"messageId"`
	Body           *string
	EventSource    string
	EventSourceARN string
	Attributes     struct{ MessageGroupID string }
}

func recogniseSQS(records []byte) (event, error) {
	var messages []message
	if err := json.Unmarshal(records, &messages); err != nil || messages == nil {
		return event{}, fmt.Errorf("handler: the payload has Records, but not those of an SQS event: %w", cmp.Or(err, errors.New("they are null")))
	}
	e := event{shape: sqsEvent, records: make([]record, len(messages))}
	groups := map[string]int{} // of each the chain
	for i, m := range messages {
		if m.EventSource != "aws:sqs" {
			return event{}, fmt.Errorf("handler: record %d is of the event source %q; this function takes those of aws:sqs", i, m.EventSource)
		}
		if m.MessageID == "" || m.Body == nil {
			return event{}, fmt.Errorf("handler: record %d of the SQS event has no messageId or no body", i)
		}
		raw, err := json.Marshal(m.MessageID)
		if err != nil {
			return event{}, fmt.Errorf("handler: record %d of the SQS event: %w", i, err)
		}
		e.records[i] = record{id: []byte(m.MessageID), raw: raw, data: []byte(*m.Body), text: true}
		if !strings.HasSuffix(m.EventSourceARN, ".fifo") {
			continue
		}
		chain, ok := groups[m.Attributes.MessageGroupID]
		if !ok {
			chain = len(e.chains)
			groups[m.Attributes.MessageGroupID] = chain
			e.chains = append(e.chains, nil)
		}
		e.chains[chain] = append(e.chains[chain], i)
	}
	if e.chains != nil && len(groups) > 0 {
		for i, m := range messages { // of queues that are none of a FIFO
			if !strings.HasSuffix(m.EventSourceARN, ".fifo") {
				e.chains = append(e.chains, []int{i})
			}
		}
	}
	return e, nil
}
