package lambdabatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/limitertest"
)

// withCeilings makes limiters with the ceilings and these options.
func withCeilings(opts ...lambdabatch.LimiterOption) func(*testing.T, limitertest.Ceilings) lambdabatch.Limiter {
	return func(t *testing.T, c limitertest.Ceilings) lambdabatch.Limiter {
		t.Helper()
		opts := opts
		if c.PerSecond > 0 {
			opts = append(opts, lambdabatch.Rate(c.PerSecond, c.Burst))
		}
		if c.InFlight > 0 {
			opts = append(opts, lambdabatch.InFlight(c.InFlight))
		}
		l, err := lambdabatch.NewLimiter(opts...)
		require.NoError(t, err)
		return l
	}
}

func TestLimitersConform(t *testing.T) {
	t.Parallel()
	for name, factory := range map[string]func(*testing.T, limitertest.Ceilings) lambdabatch.Limiter{
		"NewLimiter, fixed":    withCeilings(lambdabatch.Fixed()),
		"NewLimiter, adaptive": withCeilings(),
		"FromRate": func(t *testing.T, c limitertest.Ceilings) lambdabatch.Limiter {
			t.Helper()
			if c.InFlight > 0 {
				t.Skip("FromRate does not bound how many are in flight")
			}
			return lambdabatch.FromRate(rate.NewLimiter(rate.Limit(c.PerSecond), c.Burst))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limitertest.Run(t, factory)
		})
	}
}
