package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

func TestADecodeFunctionSeesTheAttributes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		for _, kind := range []string{"tea", "panic"} {
			_, err := w.sqs.Client().SendMessage(t.Context(), &sqs.SendMessageInput{
				QueueUrl: aws.String(q.URL()), MessageBody: aws.String("order"),
				MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String(kind)}},
			})
			require.NoError(t, err)
		}
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithDecode(func(m sqsbatch.Message) (string, error) {
			if kind := aws.ToString(m.Attributes["kind"].StringValue); kind != "panic" {
				return m.Body + " of " + kind, nil
			}
			panic("no kind")
		}))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER OF TEA"}, w.values["order"])
		require.Len(t, w.errs["order"], 1)
		var undecodable *sqsbatch.DecodeError
		require.ErrorAs(t, w.errs["order"][0], &undecodable)
		assert.Equal(t, uint64(1), p.Stats().Undecodable)
		require.Len(t, dead.Messages(), 1)
		assert.Equal(t, "panic", dead.Messages()[0].Attributes["kind"].StringValue)
	})
}

func TestRawBodiesMustBeJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send(`"order"`, `{"half":`)
		b, err := lambdabatch.New[json.RawMessage, json.RawMessage](w.lambda.Client(), function, lambdabatch.WithInvocationTimeout(invocationTimeout))
		require.NoError(t, err)
		defer b.Close()
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b, sqsbatch.WithDeadLetterQueue(dead.URL()))
		require.NoError(t, err)
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, uint64(1), p.Stats().Succeeded)
		assert.Equal(t, uint64(1), p.Stats().Undecodable)
	})
}

// What has no room for the reason becomes a dead letter without it.
func TestDeadLettersOfFullMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		large := "bad" + strings.Repeat("x", 1<<20-10)
		q.Send(large, "bad", "bad"+strings.Repeat("y", 1<<19))
		ten := map[string]types.MessageAttributeValue{}
		for _, name := range bodies("attribute", 10) {
			ten[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String("x")}
		}
		_, err := w.sqs.Client().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(q.URL()), MessageBody: aws.String("bad ten"), MessageAttributes: ten})
		require.NoError(t, err)
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		with := map[string]bool{}
		for _, m := range dead.Messages() {
			_, with[m.Body[:min(len(m.Body), 7)]] = m.Attributes[sqsbatch.DeadLetterAttribute]
		}
		assert.Equal(t, map[string]bool{"badxxxx": false, "bad": true, "badyyyy": true, "bad ten": false}, with)
	})
}

// Lambda cannot be reached: that is no message's fault, so none becomes a dead letter, and few are received.
func TestFailuresOfLambdaAreNoMessagesFault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send(bodies("order", 50)...)
		b, err := lambdabatch.New[string, string](w.lambda.Client(), "no-such-function", lambdabatch.WithInvocationTimeout(invocationTimeout))
		require.NoError(t, err)
		defer b.Close()
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b, sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithMaxReceives(1), sqsbatch.WithBackoff(time.Second, time.Second))
		require.NoError(t, err)
		r := start(t, p)
		time.Sleep(time.Hour)
		require.NoError(t, r.end())
		assert.Zero(t, dead.Len())
		assert.Equal(t, 50, q.Len())
		s := p.Stats()
		assert.Less(t, s.Received, uint64(3000), "paused for half a minute each time")
		assert.Positive(t, s.Pauses)
		balanced(t, s)
	})
}

// What the Batcher cannot take soon stays in the queue.
func TestNoMoreIsReceivedThanCanBeProcessedSoon(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 5000)...)
		limiter, err := lambdabatch.NewLimiter(lambdabatch.Fixed(), lambdabatch.Rate(1, 1)) // 20 messages a second
		require.NoError(t, err)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLimiter(limiter)))
		r := start(t, p)
		most := 0
		for q.Len() > 0 {
			time.Sleep(time.Second)
			most = max(most, p.Stats().InFlight)
		}
		time.Sleep(time.Second)
		require.NoError(t, r.end())
		s := p.Stats()
		assert.Less(t, most, 400) // 20 s of work, where 1,000 would be allowed
		assert.Equal(t, uint64(5000), s.Received)
		assert.Equal(t, uint64(5000), s.Deleted)
	})
}

func TestMaxInFlightIsNeverExceeded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 100)...)
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithMaxInFlight(7))
		r := start(t, p)
		for q.Len() > 0 {
			time.Sleep(50 * time.Millisecond)
			assert.LessOrEqual(t, p.Stats().InFlight, 7)
		}
		require.NoError(t, r.end())
	})
}

// A batch of SQS has 1 MiB at the most, so six of these at a time.
func TestDeadLettersAreSentInBatches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		for range 20 {
			q.Send("bad" + strings.Repeat("x", 150_000))
		}
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 20, dead.Len())
		assert.Zero(t, p.Stats().Failures)
		assert.LessOrEqual(t, w.sqs.Calls("SendMessageBatch"), 5)
	})
}

// No more messages are held than the Batcher's buffer takes.
func TestTheBuffersSizeBoundsWhatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 50)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxBuffered(5, 1<<20), lambdabatch.WithMaxRecords(5)))
		r := start(t, p)
		time.Sleep(5 * time.Second)
		assert.Equal(t, 5, p.Stats().InFlight)
		throttle.Remove()
		drained(t, q)
		require.NoError(t, r.end())
	})
}

// What functions say can be long, and so can the list of attempts.
func TestDeadLettersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.lambda.Handle("talks", lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
			if string(data) == `"again"` {
				return nil, lambdatest.RetryAfter(0)
			}
			return nil, errors.New(string(data) + strings.Repeat("é", 5000)) // two bytes each
		}))
		b, err := lambdabatch.New[string, string](w.lambda.Client(), "talks",
			lambdabatch.WithInvocationTimeout(invocationTimeout), lambdabatch.WithMaxAttempts(15))
		require.NoError(t, err)
		defer b.Close()
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send("again", "long", "long1") // of which one is cut in the middle of a letter
		p := w.pipeline(t, q, b, sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithMaxReceives(1))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		why := map[string]sqsbatch.DeadLetter{}
		for _, m := range dead.Messages() {
			var l sqsbatch.DeadLetter
			require.NoError(t, json.Unmarshal([]byte(m.Attributes[sqsbatch.DeadLetterAttribute].StringValue), &l))
			why[m.Body] = l
		}
		assert.Len(t, why["again"].Attempts, 10)
		assert.Len(t, why["long"].Attempts, 1)
		for _, body := range []string{"long", "long1"} {
			assert.LessOrEqual(t, len(why[body].Error), 2048)
			assert.NotContains(t, why[body].Error, "\ufffd")
			assert.Greater(t, len(why[body].Error), 1000)
		}
	})
}
