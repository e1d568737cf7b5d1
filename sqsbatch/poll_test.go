package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

func TestPollersComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 1000)...)
		p := w.laggingPipeline(t, "ReceiveMessage", 50*time.Millisecond, q, w.batcher(t, lambdabatch.WithLinger(10*time.Millisecond)), sqsbatch.WithPollers(3))
		r := start(t, p)
		most := 0
		for q.Len() > 0 {
			time.Sleep(10 * time.Millisecond)
			most = max(most, p.Stats().Pollers)
		}
		assert.Equal(t, 3, most)
		time.Sleep(time.Minute)
		assert.Equal(t, 1, p.Stats().Pollers)
		require.NoError(t, r.end())
	})
}

func TestReceivesThatFailAreRepeatedSlowly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		fault := w.sqs.Fault(sqstest.LoseRequest(), sqstest.OnOperation("ReceiveMessage"))
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(10 * time.Minute)
		assert.Less(t, w.sqs.Calls("ReceiveMessage"), 400) // three attempts each, by the SDK
		assert.Greater(t, w.sqs.Calls("ReceiveMessage"), 30)
		fault.Remove()
		drained(t, q)
		require.NoError(t, r.end())
	})
}

// After a failure that is no message's fault one receive tries whether it is over. If there is nothing to receive, that is over, too.
func TestAPauseEndsWhenThereIsNothingToTry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.lambda.Fault(lambdatest.Status(404, "ResourceNotFoundException", "none"), lambdatest.Count(1))
		q := w.sqs.Queue("orders", sqstest.VisibilityTimeout(5*time.Minute))
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithBackoff(11*time.Hour, 11*time.Hour))
		r := start(t, p)
		time.Sleep(42 * time.Second) // the poll that was open is over, and so is the try, which has brought nothing in 20 s
		require.Equal(t, uint64(1), p.Stats().Pauses)
		q.Send("another")
		time.Sleep(3 * time.Second)
		assert.Equal(t, uint64(1), p.Stats().Succeeded)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ANOTHER"}, w.values["another"])
	})
}

// A function that answers is no reason for a pause, even if it wants everything again.
func TestAPauseEndsWhenTheFunctionAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.lambda.Fault(lambdatest.Status(404, "ResourceNotFoundException", "none"), lambdatest.Count(1))
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 60)...)
		p := w.pipeline(t, q, w.askingBatcher(t, 100*time.Millisecond, time.Hour), sqsbatch.WithMaxInFlight(10))
		r := start(t, p)
		time.Sleep(15 * time.Second)
		assert.GreaterOrEqual(t, p.Stats().Received, uint64(60))
		require.NoError(t, r.end())
	})
}
