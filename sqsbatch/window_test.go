package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

func TestAFastFunctionGetsAWideWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 5000)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(10*time.Millisecond)), sqsbatch.WithMaxInFlight(600))
		r := start(t, p)
		began := time.Now()
		drained(t, q)
		took := time.Since(began)
		require.NoError(t, r.end())
		assert.Equal(t, 600, p.Stats().Window)
		assert.Less(t, took, 30*time.Second)
	})
}

// The function gets slow: what would have to wait here for minutes stays in the queue.
func TestASlowFunctionGetsANarrowWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 4000)...)
		limiter, err := lambdabatch.NewLimiter(lambdabatch.Fixed(), lambdabatch.InFlight(2))
		require.NoError(t, err)
		b := w.batcher(t, lambdabatch.WithLimiter(limiter), lambdabatch.WithLinger(10*time.Millisecond))
		p := w.pipeline(t, q, b, sqsbatch.WithMaxInFlight(400))
		r := start(t, p)
		for p.Stats().Window < 400 {
			require.Positive(t, q.Len())
			time.Sleep(100 * time.Millisecond)
		}
		fault := w.lambda.Fault(lambdatest.Latency(8 * time.Second)) // five messages a second
		time.Sleep(5 * time.Minute)
		assert.LessOrEqual(t, p.Stats().Window, 150)
		fault.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, uint64(4000), p.Stats().Received)
	})
}

// An invocation that was throttled was soon, but of no use.
func TestThrottledMessagesAreNotInAnInvocationSoon(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 1000)...)
		throttle := w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded"))
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(10*time.Millisecond)))
		r := start(t, p)
		time.Sleep(time.Second)
		began := p.Stats().Window
		time.Sleep(2 * time.Minute)
		throttle.Remove()
		for p.Stats().Succeeded < 80 {
			time.Sleep(10 * time.Millisecond)
		}
		assert.Less(t, p.Stats().Window, began)
		drained(t, q)
		require.NoError(t, r.end())
	})
}
