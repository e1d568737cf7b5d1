package sqsbatch

import (
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Message is an SQS message as it was received.
type Message struct {
	ID         string // stays the same however often the message is delivered
	Body       string
	Attributes map[string]types.MessageAttributeValue // the sender's
	System     map[string]string                      // SQS's own, all there are: AWSTraceHeader, SenderId, …

	// What System says, parsed.
	Group    string    // MessageGroupId; empty on most standard queues
	Receives int       // ApproximateReceiveCount: 1 at the first delivery
	Sent     time.Time // SentTimestamp
}

func newMessage(m *types.Message) Message {
	msg := Message{
		ID:         aws.ToString(m.MessageId),
		Body:       aws.ToString(m.Body),
		Attributes: m.MessageAttributes,
		System:     maps.Clone(m.Attributes),
		Group:      m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		Receives:   1,
	}
	if n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil {
		msg.Receives = n
	}
	if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		msg.Sent = time.UnixMilli(ms)
	}
	return msg
}
