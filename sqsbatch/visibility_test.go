package sqsbatch_test

import (
	"context"
	"encoding/json"
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
		var l logged
		p := w.laggingPipeline(t, "ReceiveMessage", 2*time.Second, q, w.batcher(t), l.option())
		r := start(t, p)
		time.Sleep(12*time.Hour + time.Minute)
		s := p.Stats()
		assert.Equal(t, uint64(1), s.LostVisibility+s.Duplicates)
		assert.Equal(t, uint64(2), s.Received)
		assert.NotContains(t, l.String(), "beyond the limit") // it does not ask for more than there is
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

// The function is done after the visibility has run down, and before a heartbeat has looked.
func TestAnOutcomeThatComesTooLateIsNotWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 25*time.Second)
		w.deaf()
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, nil), changes(0)...)
		q := w.sqs.Queue("orders") // 30 s, so the heart beats every 3 s
		var l logged
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second), lambdabatch.WithLinger(5500*time.Millisecond)), l.option())
		r := start(t, p)
		time.Sleep(time.Second)
		q.Send("order") // ours until 31 s, done at 31.6 s
		time.Sleep(32 * time.Second)
		require.NoError(t, r.end())
		assert.Len(t, w.lambda.Invocations(), 1)
		assert.Empty(t, w.values)
		assert.Equal(t, 1, q.Len())
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		assert.Zero(t, p.Stats().Pauses)
		require.Len(t, l.lost(), 1)
		assert.Contains(t, l.lost()[0], "its outcome came too late")
		balanced(t, p.Stats())
	})
}

// The second message of a group waits for the first until its visibility has run down.
func TestATurnThatComesTooLateIsNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 25*time.Second)
		w.deaf()
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, nil), changes(0)...)
		q := w.sqs.Queue("orders.fifo")
		var l logged
		b := w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second), lambdabatch.WithLinger(4500*time.Millisecond))
		p := w.laggingPipeline(t, "DeleteMessageBatch", 700*time.Millisecond, q, b, l.option())
		r := start(t, p)
		time.Sleep(1700 * time.Millisecond) // the check takes 0.7 s
		q.SendGroup("a", "a0", "a1")        // ours until 31.7 s; the first is done at 31.3 s, and the answer to its deletion comes at 32 s
		time.Sleep(31 * time.Second)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"a0"}, w.order)
		assert.Len(t, w.lambda.Invocations(), 1)
		assert.Equal(t, uint64(1), p.Stats().Deleted)
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		require.Len(t, l.lost(), 1)
		assert.Contains(t, l.lost()[0], "its turn came too late")
		balanced(t, p.Stats())
	})
}

func TestTheResultFunctionIsToldThatVisibilityIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.deaf()
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, nil), changes(0)...)
		q := w.sqs.Queue("orders")
		q.Send("order")
		causes := make(chan error, 1)
		var l logged
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), w.batcher(t), l.option(), sqsbatch.WithResult(func(ctx context.Context, _ sqsbatch.Message, _ string, _ error) error {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}))
		require.NoError(t, err)
		r := start(t, p)
		time.Sleep(40 * time.Second)
		require.Len(t, causes, 1)
		require.ErrorIs(t, <-causes, sqsbatch.ErrVisibilityLost)
		require.NoError(t, r.end())
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		require.Len(t, l.lost(), 1)
		assert.Contains(t, l.lost()[0], "no extension of its visibility was answered in time")
	})
}

// SQS counts from when it was asked, not from when its answer came.
func TestAnExtensionCountsFromWhenItWasAskedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 25*time.Second)
		w.deaf()
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, nil), changes(1)...)
		q := w.sqs.Queue("orders")
		b := w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second), lambdabatch.WithLinger(20*time.Second))
		p := w.laggingPipeline(t, "ChangeMessageVisibilityBatch", 5*time.Second, q, b)
		r := start(t, p)
		time.Sleep(6 * time.Second) // the check takes 5 s
		q.Send("order")             // extended at 20 s to 50 s; done at 51.1 s
		time.Sleep(50 * time.Second)
		require.NoError(t, r.end())
		assert.Equal(t, uint64(1), p.Stats().Extended)
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		assert.Empty(t, w.values)
	})
}

func TestAnExtensionThatFailsOnceIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 25*time.Second)
		w.sqs.Fault(sqstest.FailEntries("InternalError", false, nil), append(changes(0), sqstest.Count(1))...)
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second), lambdabatch.WithLinger(10*time.Second)))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		s := p.Stats()
		assert.Equal(t, []uint64{1, 1, 0}, []uint64{s.Received, s.Deleted, s.LostVisibility})
		assert.Positive(t, s.Extended)
	})
}

// The extension of the first delivery is refused when the second one has taken its place.
func TestAnExtensionOfAnOlderDeliveryDoesNoHarm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 20*time.Second)
		w.sqs.Fault(sqstest.Latency(2*time.Second), append(changes(0), sqstest.Count(1))...)
		q := w.sqs.Queue("orders")
		id := q.Send("order")[0]
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithInvocationTimeout(30*time.Second)))
		r := start(t, p)
		time.Sleep(13 * time.Second) // the extension is on its way since the twelfth
		require.True(t, q.Expire(id))
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
		s := p.Stats()
		assert.Equal(t, []uint64{2, 1, 1, 0}, []uint64{s.Received, s.Duplicates, s.Deleted, s.LostVisibility})
		assert.Len(t, w.lambda.Invocations(), 1)
	})
}

// askingBatcher sends to a function that takes a while, and asks for everything again, in some time.
func (w *world) askingBatcher(t *testing.T, takes, again time.Duration) *lambdabatch.Batcher[string, string] {
	t.Helper()
	slowly(w, takes)
	w.lambda.Handle("asks", lambdatest.PerRecord(func(context.Context, string, json.RawMessage) (any, error) {
		return nil, lambdatest.RetryAfter(again)
	}))
	b, err := lambdabatch.New[string, string](w.lambda.Client(), "asks",
		lambdabatch.WithInvocationTimeout(invocationTimeout), lambdabatch.WithLinger(0), lambdabatch.WithMaxAttempts(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// An extension that is on its way when the message is to come again in ten seconds must not have the last word.
func TestNoExtensionOverrulesTheWaitOfARetry(t *testing.T) {
	t.Parallel()
	t.Run("one that began before", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			w.sqs.Fault(sqstest.Latency(2*time.Second), append(changes(0), sqstest.Count(1))...)
			q := w.sqs.Queue("orders")
			q.Send("order")
			p := w.pipeline(t, q, w.askingBatcher(t, 12500*time.Millisecond, 10*time.Second), sqsbatch.WithBackoff(0, 0))
			r := start(t, p)
			time.Sleep(25 * time.Second)
			assert.Equal(t, uint64(2), p.Stats().Received)
			assert.Equal(t, uint64(1), p.Stats().Retried)
			require.NoError(t, r.end())
		})
	})
	t.Run("one that would begin meanwhile", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t)
			q := w.sqs.Queue("orders")
			p := w.laggingPipeline(t, "ChangeMessageVisibilityBatch", 4*time.Second, q, w.askingBatcher(t, 11*time.Second, 10*time.Second), sqsbatch.WithBackoff(0, 0))
			r := start(t, p)
			time.Sleep(4 * time.Second) // of the check
			q.Send("order")
			time.Sleep(22 * time.Second)
			assert.Equal(t, uint64(2), p.Stats().Received)
			assert.Zero(t, p.Stats().Extended)
			require.NoError(t, r.end())
		})
	})
}

// The result was written and SQS cannot be reached: once the visibility is over the message is somebody else's, and nothing more is tried for it.
func TestWhatCannotBeToldInTimeIsLeftToOthers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string
		why  string
		aims []sqstest.Aim
	}{
		"deletion":   {"order", "it could not be deleted", deletions(0)},
		"visibility": {"again", "its visibility could not be changed", changes(0)},
		"letter":     {"bad", "no extension of its visibility was answered in time", []sqstest.Aim{sqstest.OnOperation("SendMessageBatch")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.deaf()
				faults := []*sqstest.Fault{w.sqs.Fault(sqstest.LoseRequest(), test.aims...), w.sqs.Fault(sqstest.LoseRequest(), changes(0)...)}
				dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
				q.Send(test.body)
				var l logged
				p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxAttempts(1)), sqsbatch.WithDeadLetterQueue(dead.URL()), l.option())
				r := start(t, p)
				time.Sleep(45 * time.Second)
				s := p.Stats()
				assert.Zero(t, s.InFlight)
				assert.Equal(t, uint64(1), s.LostVisibility)
				for _, f := range faults {
					f.Remove()
				}
				time.Sleep(time.Minute)
				require.NoError(t, r.end())
				assert.Equal(t, 1, q.Len())
				assert.Zero(t, dead.Len())
				require.Len(t, l.lost(), 1)
				assert.Contains(t, l.lost()[0], test.why)
				balanced(t, p.Stats())
			})
		})
	}
}

// What only a human can mend is not tried again and again.
func TestADeletionThatIsNotAllowedIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, effect := range []sqstest.Effect{sqstest.AccessDenied(), sqstest.Refuse(400, "QueueDoesNotExist", "none")} {
		t.Run("", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.deaf()
				w.sqs.Fault(effect, deletions(0)...)
				q := w.sqs.Queue("orders")
				q.Send("order")
				p := w.pipeline(t, q, w.batcher(t))
				r := start(t, p)
				time.Sleep(10 * time.Second)
				assert.Equal(t, 2, w.sqs.Calls("DeleteMessageBatch")) // and that of the check
				assert.Zero(t, p.Stats().InFlight)
				assert.Equal(t, uint64(1), p.Stats().Failures)
				require.ErrorContains(t, r.end(), "queueURL "+q.URL())
				balanced(t, p.Stats())
			})
		})
	}
}

func TestADeletionThatHangsIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.sqs.Fault(sqstest.Latency(time.Hour), append(deletions(0), sqstest.Count(1))...)
		q := w.sqs.Queue("orders")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t))
		r := start(t, p)
		time.Sleep(20 * time.Second)
		assert.Zero(t, q.Len())
		require.NoError(t, r.end())
		assert.Equal(t, uint64(1), p.Stats().Received)
	})
}
