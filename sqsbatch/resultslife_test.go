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

func newResults(t *testing.T) (*sqsbatch.Results, *lambdatest.Service) {
	t.Helper()
	l, s := lambdatest.New(), sqstest.New()
	t.Cleanup(l.Close)
	t.Cleanup(s.Close)
	q := s.Queue("results")
	l.Handle(function, withDestinations(q, func(context.Context, []byte) ([]byte, error) {
		time.Sleep(time.Second)
		return []byte("{}"), nil
	}))
	results, err := sqsbatch.NewResults(l.Client(), s.Client(), q.URL())
	require.NoError(t, err)
	return results, l
}

// Nothing is sent as long as nobody would receive its result, and the Batcher knows that.
func TestWithoutARunNothingIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		results, l := newResults(t)
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithMaxBytes(1<<20), lambdabatch.WithRetryUncertain(false))
		require.NoError(t, err)
		defer b.Close()
		_, err = b.Do(t.Context(), 1)
		require.ErrorIs(t, err, sqsbatch.ErrNoRunningResults)
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		assert.Zero(t, l.Counts().Requests)
	})
}

func TestResultsRunOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		results, _ := newResults(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		require.ErrorIs(t, results.Run(ctx), sqsbatch.ErrRunning)
		_, err := results.Invoke(t.Context(), nil)
		require.ErrorContains(t, err, "input: must not be nil")
		stop()
		require.NoError(t, <-done)
		ended, stop := context.WithCancel(t.Context())
		stop()
		require.NoError(t, results.Run(ended)) // and again
	})
}
