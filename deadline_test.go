package lambdabatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// Nothing is sent for a record whose time is over, be it at that very instant.
func TestNothingIsSentTooLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []lambdabatch.Option
		patient time.Duration // of the record's context
		want    error
	}{
		"delivery timeout":        {[]lambdabatch.Option{lambdabatch.WithDeliveryTimeout(3 * time.Second)}, time.Hour, lambdabatch.ErrDeliveryTimeout},
		"context":                 {nil, 3 * time.Second, context.DeadlineExceeded},
		"context before delivery": {[]lambdabatch.Option{lambdabatch.WithDeliveryTimeout(4 * time.Second)}, 3 * time.Second, context.DeadlineExceeded},
		"delivery before context": {[]lambdabatch.Option{lambdabatch.WithDeliveryTimeout(3 * time.Second)}, 4 * time.Second, lambdabatch.ErrDeliveryTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 50 {
				bubbled(t, func(t *testing.T) {
					s := newService(t)
					s.Fault(lambdatest.Throttle(callerRate))
					b := newBatcher(t, s.Client(), append(test.options, lambdabatch.WithLinger(0),
						lambdabatch.WithBackoff(func() backoff.BackOff { return backoff.NewConstantBackOff(time.Second) }))...)
					ctx, cancel := context.WithTimeout(t.Context(), test.patient)
					defer cancel()
					start := time.Now()
					_, err := b.Do(ctx, "text")
					require.ErrorIs(t, err, test.want)
					assert.Equal(t, 3*time.Second, time.Since(start))
					assert.Equal(t, []time.Duration{0, time.Second, 2 * time.Second}, instants(s, start), "and not after three seconds")
					assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
				})
			}
		})
	}
}

// That holds for the parts of a batch that was split, too.
func TestNoPartIsSentTooLate(t *testing.T) {
	t.Parallel()
	for range 50 {
		bubbled(t, func(t *testing.T) {
			s := newService(t)
			s.Fault(lambdatest.Exited(), lambdatest.Count(1))
			s.Fault(lambdatest.Throttle(callerRate))
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(2), constantly(time.Second))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			start := time.Now()
			one, other := b.Submit(ctx, "one"), b.Submit(ctx, "other")
			for _, f := range []*lambdabatch.Future[string]{one, other} {
				_, err := f.Await(t.Context())
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err), "by the first attempt")
			}
			assert.Equal(t, []time.Duration{0, 0, 0, time.Second, time.Second, 2 * time.Second, 2 * time.Second}, instants(s, start))
		})
	}
}
