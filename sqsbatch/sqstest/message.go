package sqstest

import (
	"crypto/md5" //nolint:gosec // SQS has it so
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// maxTotalVisibility is how long a message may be invisible after a receive (Amazon SQS Developer Guide, "Amazon SQS visibility timeout").
const maxTotalVisibility = 12 * time.Hour

// An Attribute is one that a sender gave a message.
type Attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

type message struct {
	id, body, group, dedup, sequence, handle string
	attributes                               map[string]Attribute
	receives                                 int
	sentAt, visibleAt                        time.Time
	receivedAt, firstReceived                time.Time
	gone                                     bool // deleted or moved
}

func (m *message) inFlight(now time.Time) bool { return m.receives > 0 && m.visibleAt.After(now) }

func (m *message) size() int {
	n := len(m.body)
	for name, a := range m.attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// wireMessage is a message as ReceiveMessage answers it.
type wireMessage struct {
	MessageID         string               `json:"MessageId"`
	ReceiptHandle     string               `json:"ReceiptHandle"`
	Body              string               `json:"Body"`
	MD5OfBody         string               `json:"MD5OfBody"`
	Attributes        map[string]string    `json:"Attributes,omitempty"`
	MessageAttributes map[string]Attribute `json:"MessageAttributes,omitempty"`
}

func (m *message) wire(withSystem, withAttributes bool) wireMessage {
	w := wireMessage{MessageID: m.id, ReceiptHandle: m.handle, Body: m.body, MD5OfBody: sum(m.body)}
	if withAttributes {
		w.MessageAttributes = maps.Clone(m.attributes)
	}
	if withSystem {
		w.Attributes = map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(m.receives),
			"SentTimestamp":                    strconv.FormatInt(m.sentAt.UnixMilli(), 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.firstReceived.UnixMilli(), 10),
			"SenderId":                         "sqstest",
		}
		if m.group != "" {
			w.Attributes["MessageGroupId"] = m.group
			w.Attributes["SequenceNumber"] = fmt.Sprintf("%020s", m.sequence)
			w.Attributes["MessageDeduplicationId"] = m.dedup
		}
	}
	return w
}

func sum(body string) string {
	of := md5.Sum([]byte(body)) //nolint:gosec // SQS has it so
	return hex.EncodeToString(of[:])
}
