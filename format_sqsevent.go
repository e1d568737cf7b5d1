package lambdabatch

import (
	"bytes"
	"crypto/md5" //nolint:gosec // it is what SQS calls md5OfBody
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// SQSEvent is the format of a function that was written for an SQS event source
// mapping: each record is a message of an SQS event, with the record's ID as its
// messageId. A record whose JSON is a string has that string as its body, others have
// their JSON. The messages are of no real queue: see [SQSEventOf] for its ARN. They
// say that they are received for the first time, whatever the attempt.
//
// The answer is read as AWS reads it ("Reporting batch item failures for Lambda
// functions with an SQS trigger"): records listed in batchItemFailures have
// failed, and are retried as the messages would be; all others have succeeded, with
// the zero Out. An empty answer, null, and an answer without batchItemFailures mean
// that all have succeeded. So no other format takes silence for success. If the
// answer is not JSON, or lists an empty or an unknown messageId, all have failed, and
// are retried.
var SQSEvent = SQSEventOf("arn:aws:sqs:us-east-1:000000000000:lambdabatch")

// SQSEventOf is [SQSEvent] with the ARN of a queue, for functions that look at their
// messages' eventSourceARN and awsRegion.
func SQSEventOf(queueARN string) Format {
	region := ""
	if parts := strings.Split(queueARN, ":"); len(parts) > 3 {
		region = parts[3]
	}
	return &sqsEventFormat{
		source: `","eventSource":"aws:sqs","eventSourceARN":` + quote(queueARN) + `,"awsRegion":` + quote(region) + `}`,
	}
}

type sqsEventFormat struct {
	source string // how each record ends
}

func (*sqsEventFormat) Envelope() (opening, separator, closing string) {
	return `{"Records":[`, ",", "]}"
}

func (f *sqsEventFormat) AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error) {
	body := string(data)
	var quoted []byte
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); trimmed[0] == '"' {
		if err := json.Unmarshal(trimmed, &body); err != nil {
			return nil, fmt.Errorf("the body of the message: %w", err)
		}
		quoted = bytes.TrimRight(trimmed, " \t\r\n")
	} else {
		quoted = []byte(quote(body))
	}
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	sum := md5.Sum([]byte(body)) //nolint:gosec // see above
	messageID := quote(id)
	dst = append(dst, `{"messageId":`...)
	dst = append(dst, messageID...)
	dst = append(dst, `,"receiptHandle":`...)
	dst = append(dst, messageID...)
	dst = append(dst, `,"body":`...)
	dst = append(dst, quoted...)
	dst = append(dst, `,"attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"`...)
	dst = append(dst, now...)
	dst = append(dst, `","SenderId":"lambdabatch","ApproximateFirstReceiveTimestamp":"`...)
	dst = append(dst, now...)
	dst = append(dst, `"},"messageAttributes":{},"md5OfBody":"`...)
	dst = hex.AppendEncode(dst, sum[:])
	return append(dst, f.source...), nil
}

// quote is text as a JSON string.
func quote(text string) string {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return strings.TrimSuffix(buf.String(), "\n")
}

func (*sqsEventFormat) ReadResponse(payload []byte, results *Results) error {
	var answer struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if trimmed := bytes.TrimSpace(payload); len(trimmed) > 0 {
		if err := json.Unmarshal(trimmed, &answer); err != nil {
			return allFailed(results, "the answer is not what AWS understands: "+err.Error())
		}
	}
	if answer.BatchItemFailures == nil {
		// What failed may say so without the header that should tell.
		if _, failed := wire.ParseFunctionError(payload); failed {
			return errors.New("the answer is an error")
		}
	}
	failed := make([]bool, results.Len())
	for _, f := range answer.BatchItemFailures {
		i, ok := results.Index([]byte(f.ItemIdentifier))
		if !ok {
			return allFailed(results, fmt.Sprintf("batchItemFailures lists %q, which is no messageId of the batch", f.ItemIdentifier))
		}
		failed[i] = true
	}
	for i := range results.Len() {
		if failed[i] {
			results.Retry(i, 0, &RecordError{ID: results.ID(i), Status: "failure", Retryable: true})
		} else {
			results.Succeed(i, nil)
		}
	}
	return nil
}

// allFailed has all messages return, as AWS does.
func allFailed(results *Results, problem string) error {
	for i := range results.Len() {
		results.Retry(i, 0, &RecordError{ID: results.ID(i), Status: "failure", Message: problem, Retryable: true})
	}
	return nil
}
