package sqstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

func bubble(t *testing.T, f func(t *testing.T, s *sqstest.Service, c *sqs.Client)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sqstest.New()
		defer s.Close()
		f(t, s, s.Client())
	})
}

func receive(t *testing.T, c *sqs.Client, q *sqstest.Queue, wait int32) []types.Message {
	t.Helper()
	out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(q.URL()), MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}, MessageAttributeNames: []string{"All"},
	})
	require.NoError(t, err)
	return out.Messages
}

func texts(all []types.Message) []string {
	var bodies []string
	for _, m := range all {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}

func TestLongPollWaitsForAMessage(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		q, began := s.Queue("q"), time.Now()
		assert.Empty(t, receive(t, c, q, 20))
		assert.Equal(t, 20*time.Second, time.Since(began))
		time.AfterFunc(3*time.Second, func() { q.Send("a") })
		assert.Equal(t, []string{"a"}, texts(receive(t, c, q, 20)))
		assert.Equal(t, 23*time.Second, time.Since(began))
		again := receive(t, c, q, 20) // not before
		assert.Empty(t, again)
		again = receive(t, c, q, 20) // 30 s after the first
		assert.Equal(t, 53*time.Second, time.Since(began))
		assert.Equal(t, "2", again[0].Attributes["ApproximateReceiveCount"])
	})
}

func TestVisibilityCanBeChangedForTwelveHours(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		q := s.Queue("q", sqstest.VisibilityTimeout(time.Minute))
		q.Send("a")
		m := receive(t, c, q, 0)[0]
		change := func(seconds int32) error {
			_, err := c.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(q.URL()), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
			return err
		}
		time.Sleep(time.Second)
		require.NoError(t, change(12*3600-1))
		require.ErrorContains(t, change(12*3600), "Total VisibilityTimeout")
		require.NoError(t, change(0))
		require.ErrorContains(t, change(10), "not available for visibility timeout change")
		assert.Len(t, receive(t, c, q, 0), 1)
	})
}

func TestRedriveMovesAMessageThatComesTooOften(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		dead := s.Queue("dead")
		q := s.Queue("q", sqstest.Redrive(dead, 2))
		id := q.Send("a")[0]
		assert.Len(t, receive(t, c, q, 0), 1)
		assert.Empty(t, receive(t, c, q, 20))
		assert.Len(t, receive(t, c, q, 20), 1)
		assert.Empty(t, receive(t, c, q, 20))
		assert.Empty(t, receive(t, c, q, 20))
		require.Len(t, dead.Messages(), 1)
		assert.Equal(t, id, dead.Messages()[0].ID)
		assert.Zero(t, q.Len())
	})
}

func TestDeletionByAnOldHandle(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		q := s.Queue("q")
		id := q.Send("a")[0]
		first := receive(t, c, q, 0)[0]
		require.True(t, q.Expire(id))
		second := receive(t, c, q, 0)[0]
		del := func(handle *string) *sqs.DeleteMessageBatchOutput {
			out, err := c.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(q.URL()), Entries: []types.DeleteMessageBatchRequestEntry{
				{Id: aws.String("0"), ReceiptHandle: handle}, {Id: aws.String("1"), ReceiptHandle: aws.String("none")},
			}})
			require.NoError(t, err)
			require.Len(t, out.Failed, 1)
			assert.Equal(t, "ReceiptHandleIsInvalid", *out.Failed[0].Code)
			return out
		}
		assert.Len(t, del(first.ReceiptHandle).Successful, 1)
		assert.Equal(t, 1, q.Len())
		assert.Len(t, del(second.ReceiptHandle).Successful, 1)
		assert.Zero(t, q.Len())
	})
}

func TestFIFO(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		q := s.Queue("q.fifo")
		q.SendGroup("a", "a0", "a1")
		q.SendGroup("b", "b0")
		for range 2 { // the second is a duplicate
			_, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(q.URL()), MessageBody: aws.String("b1"), MessageGroupId: aws.String("b")})
			require.NoError(t, err)
		}
		got := receive(t, c, q, 0)
		assert.Equal(t, []string{"a0", "a1", "b0", "b1"}, texts(got))
		q.SendGroup("a", "a2")
		assert.Empty(t, receive(t, c, q, 0)) // the group is held
		for _, m := range got[:2] {
			_, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(q.URL()), ReceiptHandle: m.ReceiptHandle})
			require.NoError(t, err)
		}
		assert.Equal(t, []string{"a2"}, texts(receive(t, c, q, 0)))
	})
}

func TestErrorsAreTyped(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		_, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
		var none *types.QueueDoesNotExist
		require.ErrorAs(t, err, &none)
		q := s.Queue("q")
		var entries []types.SendMessageBatchRequestEntry
		for range 11 {
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String("x"), MessageBody: aws.String("x")})
		}
		_, err = c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: aws.String(q.URL()), Entries: entries})
		var many *types.TooManyEntriesInBatchRequest
		require.ErrorAs(t, err, &many)
	})
}

func TestFaults(t *testing.T) {
	bubble(t, func(t *testing.T, s *sqstest.Service, c *sqs.Client) {
		q := s.Queue("q")
		f := s.Fault(sqstest.LoseAnswer(), sqstest.OnOperation("SendMessage"), sqstest.OnQueue(q), sqstest.Count(1))
		_, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(q.URL()), MessageBody: aws.String("a")})
		require.NoError(t, err) // the SDK tries again
		assert.Equal(t, 2, q.Len())
		assert.Equal(t, 1, f.Hits())
		assert.Equal(t, 2, s.Calls("SendMessage"))
		s.Fault(sqstest.AccessDenied(), sqstest.Skip(1), sqstest.Count(1))
		assert.Len(t, receive(t, c, q, 0), 2)
		_, err = c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(q.URL())})
		require.ErrorContains(t, err, "AccessDenied")
	})
}
