package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// To read, and to submit, takes longer than letters are hidden at a time.
func TestRedriveHoldsItsLetters(t *testing.T) {
	t.Parallel()
	for _, hold := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
		t.Run(hold.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.sqs.Fault(sqstest.Latency(30 * time.Millisecond))
				dead := w.sqs.Queue("dead")
				dead.Send(bodies("order", 300)...)
				b := w.batcher(t, lambdabatch.WithLinger(0))
				began := time.Now()
				report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), hold), b, sqsbatch.RedrivePace(3))
				require.NoError(t, err)
				assert.Equal(t, []int{300, 300, 0, 300}, []int{report.Found, report.Succeeded, report.Failed, report.Removed})
				assert.Zero(t, dead.Len())
				assert.Equal(t, 300, w.lambda.Counts().Requests)
				assert.Less(t, time.Since(began), 3*time.Minute)
			})
		})
	}
}

// Letters come back while the others are read: that must not go on for ever.
func TestRedriveThatCannotHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send(bodies("order", 300)...)
		w.sqs.Fault(sqstest.Latency(100*time.Millisecond), sqstest.OnOperation("ReceiveMessage"))
		w.sqs.Fault(sqstest.LoseRequest(), sqstest.OnOperation("ChangeMessageVisibilityBatch"))
		began := time.Now()
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Second), w.batcher(t))
		require.ErrorContains(t, err, "DeadLetterQueue: hold 1s: must be longer")
		assert.Zero(t, report.Chosen)
		assert.Less(t, len(err.Error()), 1000)
		assert.Less(t, time.Since(began), time.Minute)
	})
}

// What somebody else has received meanwhile is theirs.
func TestRedriveLeavesALostLetter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		ids := dead.Send(bodies("order", 3)...)
		go func() {
			time.Sleep(3 * time.Second)
			dead.Expire(ids[2])
			_, err := w.sqs.Client().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(dead.URL()), VisibilityTimeout: 3600})
			assert.NoError(t, err)
		}()
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), 10*time.Second), w.batcher(t), sqsbatch.RedrivePace(0.1))
		require.NoError(t, err)
		assert.Equal(t, []int{2, 1, 2}, []int{report.Succeeded, report.Failed, report.Removed})
		assert.Equal(t, []sqsbatch.LetterGroup{{Error: sqsbatch.ErrVisibilityLost.Error(), Count: 1}}, report.Failures)
		assert.Equal(t, 2, w.lambda.Counts().Requests)
		require.Equal(t, 1, dead.Len())
		assert.True(t, dead.Messages()[0].InFlight)
	})
}

// A letter may be sent twice to a standard queue, when the answer to the first was lost.
func TestACopyOfALetterIsSubmittedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
		q.Send("bad1", "bad2")
		w.sqs.Fault(sqstest.LoseAnswer(), sqstest.OnOperation("SendMessageBatch"), sqstest.Count(1))
		b := w.batcher(t)
		r := start(t, w.pipeline(t, q, b, sqsbatch.WithDeadLetterQueue(dead.URL())))
		drained(t, q)
		require.NoError(t, r.end())
		require.Equal(t, 4, dead.Len())
		forged := dead.Messages()[0].Attributes[sqsbatch.DeadLetterAttribute].StringValue // the ID of another message proves nothing
		_, err := w.sqs.Client().SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: aws.String(dead.URL()), MessageBody: aws.String("bad3"), MessageAttributes: map[string]types.MessageAttributeValue{
				sqsbatch.DeadLetterAttribute: {DataType: aws.String("String"), StringValue: &forged},
			},
		})
		require.NoError(t, err)
		w.lambda.Handle("mended", func(_ context.Context, payload []byte) ([]byte, error) {
			var request struct{ Records []struct{ ID string } }
			if err := json.Unmarshal(payload, &request); err != nil {
				return nil, err
			}
			return json.Marshal(map[string]any{"results": []any{map[string]any{"id": request.Records[0].ID, "status": "success", "data": "fine"}}})
		})
		mended, err := lambdabatch.New[string, string](w.lambda.Client(), "mended", lambdabatch.WithMaxRecords(1))
		require.NoError(t, err)
		defer mended.Close()
		before := w.lambda.Counts().Requests
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Minute), mended)
		require.NoError(t, err)
		assert.Equal(t, []int{3, 3, 3}, []int{report.Found, report.Succeeded, report.Removed})
		assert.Equal(t, 3, w.lambda.Counts().Requests-before)
		assert.Zero(t, dead.Len())
	})
}

// t.FailNow of a test ends the goroutine of a result function. Its letter has failed then.
func TestARedriveWhoseResultFunctionExits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send("one", "two")
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), w.batcher(t),
			sqsbatch.RedriveResult(func(_ context.Context, l sqsbatch.Letter, _ string) error {
				if l.Body == "one" {
					runtime.Goexit()
				}
				return nil
			}))
		require.NoError(t, err)
		assert.Equal(t, []int{1, 1, 1}, []int{report.Succeeded, report.Failed, report.Removed})
		assert.Contains(t, report.Failures[0].Error, "runtime.Goexit")
		assert.False(t, dead.Messages()[0].InFlight)
	})
}

func TestRedriveTellsWhyLettersFailAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send("bad1", "crash", "bad2", "good")
		var last sqsbatch.RedriveReport
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), w.batcher(t),
			sqsbatch.RedriveProgress(func(r sqsbatch.RedriveReport) { last = r }),
			sqsbatch.RedriveResult(func(context.Context, sqsbatch.Letter, string) error { return errors.New("the database is down") }))
		require.NoError(t, err)
		assert.Equal(t, report, last)
		require.Len(t, report.Failures, 3)
		assert.Equal(t, 2, report.Failures[0].Count)
		assert.Contains(t, report.Failures[0].Error, "refused")
		assert.Contains(t, report.Failures, sqsbatch.LetterGroup{Error: "the database is down", Count: 1})
	})
}
