package lambdabatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// at once: no waiting between attempts.
func immediately() lambdabatch.Option {
	return lambdabatch.WithBackoff(func() backoff.BackOff { return &backoff.ZeroBackOff{} })
}

// A function that is down gets the reserve in retries, and no more.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	t.Run("records that may leave", func(t *testing.T) {
		bubble(t, func(t *testing.T) { testRetryBudget(t.Context(), t) })
	})
	t.Run("records that stay", func(t *testing.T) {
		bubble(t, func(t *testing.T) { testRetryBudget(context.WithoutCancel(t.Context()), t) })
	})
}

func testRetryBudget(ctx context.Context, t *testing.T) {
	t.Helper()
	s := newService(t)
	down := s.Fault(lambdatest.ServerError(500, ""))
	b := newBatcher(t, s.Client(), immediately(), lambdabatch.WithRetryBudget(0.5, 10), lambdabatch.WithMaxRecords(1))
	do := func(n int) (failed, unpaid int) {
		for range n {
			_, err := b.Do(ctx, "text")
			if err != nil {
				failed++
				var invoke *lambdabatch.InvokeError
				require.ErrorAs(t, err, &invoke, "why it was to be retried")
			}
			if errors.Is(err, lambdabatch.ErrRetryBudget) {
				unpaid++
			}
		}
		return failed, unpaid
	}
	failed, unpaid := do(100)
	assert.Equal(t, 100, failed)
	assert.Equal(t, 98, unpaid, "two had five retries each, and then there were none")
	assert.Equal(t, uint64(10), b.Stats().Retried)

	down.Remove()
	failed, _ = do(10) // half a retry each
	assert.Zero(t, failed)
	s.Fault(lambdatest.ServerError(500, ""))
	do(1)
	assert.Equal(t, uint64(15), b.Stats().Retried)

	// Time alone brings them back, so that no budget is empty for ever.
	time.Sleep(20 * time.Second)
	do(100)
	assert.Equal(t, uint64(17), b.Stats().Retried)
	time.Sleep(time.Hour)
	do(100)
	assert.Equal(t, uint64(27), b.Stats().Retried, "but not more than the reserve")
}

// Throttles and splits cost nothing, results that ask for a retry do.
func TestWhatARetryBudgetIsNotFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(50))
		wholly(s, "poison", lambdatest.Exited())
		b := newBatcher(t, s.Client(), immediately(), lambdabatch.WithRetryBudget(0, 0), lambdabatch.WithMaxRecords(20))
		good, bad := b.Submit(t.Context(), "text"), b.Submit(t.Context(), "poison")
		_, err := good.Await(t.Context())
		require.NoError(t, err)
		_, err = bad.Await(t.Context())
		require.Error(t, err)
		require.NotErrorIs(t, err, lambdabatch.ErrRetryBudget)

		s.Fault(lambdatest.Respond([]byte(`{"results":[{"id":"a","status":"retry"}]}`)))
		_, err = b.Do(t.Context(), "text", lambdabatch.ID("a"))
		require.ErrorIs(t, err, lambdabatch.ErrRetryBudget)
		var asked *lambdabatch.RecordError
		require.ErrorAs(t, err, &asked)
	})
}

// Who has left takes no retry out of the budget.
func TestRetryBudgetIsForThoseWhoStay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Latency(time.Second))
		s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), immediately(), lambdabatch.WithRetryBudget(0, 1), lambdabatch.WithMaxRecords(2))
		ctx, leave := context.WithTimeout(t.Context(), time.Second/2)
		defer leave()
		gone, stays := b.Submit(ctx, "a"), b.Submit(t.Context(), "b")
		_, err := gone.Await(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = stays.Await(t.Context())
		require.NoError(t, err)
	})
}
