package sqsbatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// slowly makes the function take d for everything.
func slowly(w *world, d time.Duration) {
	w.lambda.Fault(lambdatest.Latency(d))
}

func TestHeartbeatsHoldAMessageForAsLongAsItTakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 10*time.Minute)
		q := w.sqs.Queue("orders") // 30 s
		q.Send(bodies("order", 15)...)
		b := w.batcher(t, lambdabatch.WithInvocationTimeout(15*time.Minute))
		p := w.pipeline(t, q, b, sqsbatch.WithVisibility(15*time.Minute))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Len(t, w.lambda.Invocations(), 1)
		assert.Equal(t, uint64(15), p.Stats().Extended)
		balanced(t, p.Stats())
	})
}

func TestThrottledMessagesAreHeldToo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(time.Hour)
		throttle.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		s := p.Stats()
		assert.Equal(t, uint64(1), s.Received)
		assert.InDelta(t, 3600/15, s.Extended, 60)
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
	})
}

// SQS delivers it again then, perhaps to us.
func TestVisibilityEndsAfterTwelveHours(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(12*time.Hour + time.Minute)
		s := p.Stats()
		assert.Equal(t, uint64(1), s.LostVisibility+s.Duplicates)
		assert.Equal(t, uint64(2), s.Received)
		throttle.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
		balanced(t, p.Stats())
	})
}

func TestAMessageThatCannotBeExtendedIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(time.Minute)
		fault := w.sqs.Fault(sqstest.LoseRequest(), sqstest.OnOperation("ChangeMessageVisibilityBatch"))
		time.Sleep(time.Minute)
		assert.NotZero(t, p.Stats().LostVisibility+p.Stats().Duplicates) // it may be us who receive it next
		assert.NotZero(t, p.Stats().Failures)
		fault.Remove()
		throttle.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
		balanced(t, p.Stats())
	})
}

// A message that SQS delivers again while it is on its way is held by the new delivery, and not processed twice.
func TestASecondDeliveryIsAdopted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 10*time.Second)
		q := w.sqs.Queue("orders")
		id := q.Send("order")[0]
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(5 * time.Second)
		require.True(t, q.Expire(id))
		drained(t, q)
		require.NoError(t, r.end())
		assert.Len(t, w.lambda.Invocations(), 1)
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
		assert.Equal(t, uint64(1), p.Stats().Duplicates)
		balanced(t, p.Stats())
	})
}

// Another process has the message: what was the outcome here is neither written nor is the message deleted.
func TestALostMessageIsNotDeletedBlindly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 25*time.Second)
		q := w.sqs.Queue("orders")
		id := q.Send("order")[0]
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second)), sqsbatch.WithPollers(1))
		w.sqs.Fault(sqstest.Latency(time.Hour), sqstest.OnOperation("ReceiveMessage"), sqstest.Skip(1)) // it sees nothing of the second delivery
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(5 * time.Second)
		require.True(t, q.Expire(id))
		time.Sleep(time.Minute)
		cancel()
		require.NoError(t, <-done)
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		assert.Empty(t, w.values)
		assert.Equal(t, 1, q.Len())
		balanced(t, p.Stats())
	})
}

func TestDeletionsThatFailAreRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 20)...)
		on := sqstest.OnOperation("DeleteMessageBatch")
		every := func(n int) func(int) bool { return func(i int) bool { return i%n == 0 } }
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, every(2)), on, sqstest.Skip(1), sqstest.Count(2))
		w.sqs.Fault(sqstest.Throttle(), on, sqstest.Skip(1), sqstest.Count(4))
		w.sqs.Fault(sqstest.LoseAnswer(), on, sqstest.Skip(1), sqstest.Count(1))
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Len(t, w.order, 20)
		assert.Equal(t, uint64(20), p.Stats().Deleted)
		balanced(t, p.Stats())
	})
}

func TestAReceiptHandleThatIsRefusedIsCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		w.sqs.Fault(sqstest.FailEntries("ReceiptHandleIsInvalid", true, nil), sqstest.OnOperation("DeleteMessageBatch"), sqstest.Skip(1), sqstest.Count(1))
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER", "ORDER"}, w.values["order"]) // at least once
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		balanced(t, p.Stats())
	})
}

// Deletions fail until somebody else has the message: by then the receipt handle is good for nothing, though SQS would call it a success.
func TestNothingIsDeletedWhenItsVisibilityIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		f := w.sqs.Fault(sqstest.LoseRequest(), sqstest.OnOperation("DeleteMessageBatch"), sqstest.Skip(1))
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(45 * time.Second)
		f.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		s := p.Stats()
		assert.Equal(t, uint64(1), s.Deleted)
		assert.Equal(t, s.Received-1, s.LostVisibility)
		assert.Positive(t, s.LostVisibility)
		balanced(t, s)
	})
}
