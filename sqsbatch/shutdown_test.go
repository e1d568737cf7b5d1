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

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 5)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(time.Minute)))
		r := start(t, p)
		time.Sleep(time.Second)
		began := time.Now()
		require.NoError(t, r.end())
		assert.Less(t, time.Since(began), 2*time.Second) // nothing lingers
		assert.Len(t, w.values, 5)
		assert.Zero(t, q.Len())
		balanced(t, p.Stats())
	})
}

func TestShutdownGivesBackWhatIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 15*time.Second)
		q := w.sqs.Queue("orders")
		ids := q.Send(bodies("order", 5)...)
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithGrace(5*time.Second))
		r := start(t, p)
		time.Sleep(3 * time.Second)
		began := time.Now()
		err := r.end()
		var left *sqsbatch.LeftError
		require.ErrorAs(t, err, &left)
		assert.Equal(t, ids, left.IDs)
		assert.InDelta(t, 5, time.Since(began).Seconds(), 0.5)
		for _, m := range q.Messages() {
			assert.False(t, m.InFlight)
		}
		assert.Equal(t, uint64(5), p.Stats().Returned)
		assert.Empty(t, w.values)
		balanced(t, p.Stats())
	})
}

func TestTheResultFunctionIsToldOfTheEndOfTheGraceTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		ctx, b := t.Context(), w.batcher(t)
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b, sqsbatch.WithGrace(time.Second), sqsbatch.WithResult(hangs))
		require.NoError(t, err)
		r := start(t, p)
		time.Sleep(5 * time.Second)
		var left *sqsbatch.LeftError
		require.ErrorAs(t, r.end(), &left)
		assert.Len(t, left.IDs, 1)
		assert.Equal(t, uint64(1), p.Stats().Returned)
		require.NoError(t, ctx.Err())
		balanced(t, p.Stats())
	})
}

func TestAClosedBatcherEndsTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		b := w.batcher(t)
		p := w.pipeline(t, q, b)
		r := start(t, p)
		time.Sleep(time.Second)
		require.NoError(t, b.Close())
		q.Send("order")
		err := <-r.done
		require.ErrorContains(t, err, "the Batcher was closed")
		assert.Equal(t, uint64(1), p.Stats().Returned)
		r.stop()
	})
}

func TestOneRunAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(time.Second)
		require.ErrorIs(t, p.Run(t.Context()), sqsbatch.ErrRunning)
		require.NoError(t, r.end())
		q.Send("order")
		r = start(t, p) // and again
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, uint64(1), p.Stats().Deleted)
	})
}

// A message that goes back while a long poll is still open would come back by it.
func TestNothingGoesBackWhileMessagesAreReceived(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		b := w.batcher(t, lambdabatch.WithLinger(0))
		require.NoError(t, b.Close())
		p := w.pipeline(t, q, b, sqsbatch.WithDecode(func(m sqsbatch.Message) (string, error) {
			time.Sleep(time.Second) // the next long poll has begun by then
			return m.Body, nil
		}))
		r := start(t, p)
		require.ErrorContains(t, <-r.done, "the Batcher was closed")
		assert.Equal(t, uint64(1), p.Stats().Received)
		assert.Equal(t, uint64(1), p.Stats().Returned)
		assert.False(t, q.Messages()[0].InFlight)
		r.stop()
	})
}

func TestMessagesAreHeldThroughTheGraceTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithGrace(5*time.Minute))
		r := start(t, p)
		time.Sleep(2 * time.Second)
		time.AfterFunc(2*time.Minute, throttle.Remove)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
		assert.Equal(t, uint64(1), p.Stats().Deleted)
		assert.Zero(t, q.Len())
	})
}

// SQS has handed a message over, and its answer is on its way when the Run is to end.
func TestALongPollMayEndByItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		p := w.laggingPipeline(t, "ReceiveMessage", 500*time.Millisecond, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(5 * time.Second)
		q.Send("order")
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, r.end())
		assert.Zero(t, q.Len())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
	})
}

func TestShutdownFinishesGroupsWithoutLingering(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders.fifo")
		q.SendGroup("a", bodies("order", 5)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(time.Minute)))
		r := start(t, p)
		time.Sleep(time.Second)
		began := time.Now()
		require.NoError(t, r.end())
		assert.Less(t, time.Since(began), 5*time.Second)
		assert.Equal(t, bodies("order", 5), w.order)
	})
}

// Ten seconds after the grace time it is over, even if SQS cannot be reached.
func TestShutdownEndsWithoutSQS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 4*time.Minute)
		q := w.sqs.Queue("orders", sqstest.VisibilityTimeout(5*time.Minute))
		q.Send("order")
		w.sqs.Fault(sqstest.LoseRequest(), changes(0)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithInvocationTimeout(5*time.Minute)), sqsbatch.WithGrace(time.Second))
		r := start(t, p)
		time.Sleep(10 * time.Second)
		began := time.Now()
		var left *sqsbatch.LeftError
		require.ErrorAs(t, r.end(), &left)
		assert.LessOrEqual(t, time.Since(began), 11*time.Second)
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		assert.Zero(t, p.Stats().Returned)
		balanced(t, p.Stats())
	})
}

// The first message of a group is done with the end of the grace time. Nobody is told of the second one any more.
func TestNothingIsBegunAfterTheGraceTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders.fifo")
		ids := q.SendGroup("a", "a0", "undecodable")
		p := w.laggingPipeline(t, "DeleteMessageBatch", 4*time.Second, q, w.batcher(t), sqsbatch.WithGrace(2*time.Second),
			sqsbatch.WithDecode(func(m sqsbatch.Message) (string, error) {
				if m.Body == "undecodable" {
					return "", assert.AnError
				}
				return m.Body, nil
			}))
		r := start(t, p)
		time.Sleep(6 * time.Second) // the check takes 4 s, and the result was written at 5.1 s
		var left *sqsbatch.LeftError
		require.ErrorAs(t, r.end(), &left)
		assert.Equal(t, ids[1:], left.IDs)
		assert.Equal(t, []string{"a0"}, w.order)
		assert.Empty(t, w.errs)
		assert.Equal(t, uint64(1), p.Stats().Returned)
	})
}
