package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
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
