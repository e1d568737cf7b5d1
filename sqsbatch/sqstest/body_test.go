package sqstest_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// What SQS would refuse must not come from a queue of a test's.
func TestBodiesThatSQSRefuses(t *testing.T) {
	t.Parallel()
	s := sqstest.New()
	defer s.Close()
	q, fifo := s.Queue("orders"), s.Queue("orders.fifo")
	for name, body := range map[string]string{
		"empty": "", "too large": strings.Repeat("x", 1<<20+1), "control character": "a\x00", "no UTF-8": "a\xff", "no character": "\uffff",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, func() { q.Send(body) })
			assert.Panics(t, func() { fifo.SendGroup("g", body) })
			_, err := s.Client().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(q.URL()), MessageBody: aws.String(body)})
			if name != "no UTF-8" { // the SDK's JSON has replaced it
				require.Error(t, err)
			}
		})
	}
	for _, body := range []string{"\t\n\r ", "\ufeff{}", "€😀", strings.Repeat("x", 1<<20)} {
		assert.NotPanics(t, func() { q.Send(body) })
	}
}
