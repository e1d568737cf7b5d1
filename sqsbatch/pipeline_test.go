package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

func TestMessagesAreProcessedAndDeleted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 45)...)
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Len(t, w.values, 45)
		assert.Equal(t, []string{"ORDER7"}, w.values["order7"])
		s := p.Stats()
		assert.Equal(t, uint64(45), s.Succeeded)
		assert.Equal(t, uint64(45), s.Deleted)
		assert.Zero(t, s.InFlight)
		assert.Zero(t, s.Pollers)
		balanced(t, s)
		assert.Less(t, w.sqs.Calls("DeleteMessageBatch"), 10)
		assert.Len(t, w.lambda.Invocations(), 3)
	})
}

func TestFailuresForGoodGoToTheDeadLetterQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		q := w.sqs.Queue("orders")
		q.Send("fine", "bad", "crash", "again")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())

		assert.Equal(t, []string{"FINE"}, w.values["fine"])
		assert.Equal(t, []string{"AGAIN"}, w.values["again"])
		var refused *lambdabatch.RecordError
		require.Len(t, w.errs["bad"], 1)
		require.ErrorAs(t, w.errs["bad"][0], &refused)
		var failed *lambdabatch.FunctionError
		require.Len(t, w.errs["crash"], 1)
		require.ErrorAs(t, w.errs["crash"][0], &failed)

		letters := dead.Messages()
		require.Len(t, letters, 2)
		assert.Equal(t, "bad", letters[0].Body)
		assert.Contains(t, letters[0].Attributes[sqsbatch.DeadLetterAttribute].StringValue, `"receives":1`)
		assert.Contains(t, letters[0].Attributes[sqsbatch.DeadLetterAttribute].StringValue, `refused`)
		assert.Equal(t, "crash", letters[1].Body)
		assert.Contains(t, letters[1].Attributes[sqsbatch.DeadLetterAttribute].StringValue, `"receives":5`)
		s := p.Stats()
		assert.Equal(t, uint64(2), s.Dead)
		assert.Equal(t, uint64(2), s.DeadLetters)
		assert.Equal(t, uint64(4), s.Retried) // of the one that crashes
		balanced(t, s)
	})
}

func TestWithoutADeadLetterQueueTheRedrivePolicyDecides(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		q := w.sqs.Queue("orders", sqstest.Redrive(dead, 3))
		q.Send("bad")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 1, dead.Len())
		assert.Len(t, w.errs["bad"], 3)
		assert.Equal(t, uint64(3), p.Stats().Dead)
		balanced(t, p.Stats())
	})
}

func TestNothingIsDeletedUnlessItsResultWasWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		calls := map[string]int{}
		w.failing = func(body string) error {
			switch calls[body]++; {
			case calls[body] > 2:
				return nil
			case body == "panics":
				panic("no database")
			default:
				return assert.AnError
			}
		}
		q.Send("fails", "panics")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithMaxReceives(1))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, map[string]int{"fails": 3, "panics": 3}, calls)
		s := p.Stats()
		assert.Equal(t, uint64(4), s.ResultErrors)
		assert.Equal(t, uint64(2), s.Deleted)
		assert.NotZero(t, s.Pauses)
		balanced(t, s)
	})
}

// The load that the library was asked for: 500 records a minute.
func TestFiveHundredAMinuteForAnHour(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const linger, minutes, perMinute = 5 * time.Second, 60, 500
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		b := w.batcher(t, lambdabatch.WithLinger(linger))
		took := newLatencies()
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b, sqsbatch.WithResult(took.result))
		require.NoError(t, err)
		r := start(t, p)
		time.Sleep(time.Second)
		for range minutes * perMinute {
			q.Send("order")
			time.Sleep(time.Minute / perMinute)
		}
		drained(t, q)
		require.NoError(t, r.end())

		s := b.Stats()
		assert.Equal(t, uint64(minutes*perMinute), p.Stats().Deleted)
		assert.LessOrEqual(t, s.Invocations, uint64(minutes*perMinute/20+1), "25 a minute, not 500")
		assert.Zero(t, s.Throttled())
		assert.Less(t, took.percentile(0.99), linger+200*time.Millisecond) // the function takes 100 ms
		assert.Less(t, p.Stats().Receives, uint64(minutes*perMinute/4))
		t.Logf("%d records, %d invocations, p99 %v, %d receives", p.Stats().Deleted, s.Invocations, took.percentile(0.99), p.Stats().Receives)
	})
}
