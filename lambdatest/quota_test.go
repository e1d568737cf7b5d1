package lambdatest_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

type tally = map[types.ThrottleReason]int

const (
	callerRate          = types.ThrottleReasonCallerRateLimitExceeded
	accountConcurrency  = types.ThrottleReasonConcurrentInvocationLimitExceeded
	functionRate        = types.ThrottleReasonFunctionInvocationRateLimitExceeded
	reservedRate        = types.ThrottleReasonReservedFunctionInvocationRateLimitExceeded
	reservedConcurrency = types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded
)

func TestAccountRateIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(10, 10))
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		assert.Equal(t, tally{"": 10, callerRate: 1}, reasons(t, client, "f", 11))
		time.Sleep(100*time.Millisecond - 1)
		assert.Equal(t, tally{callerRate: 2}, reasons(t, client, "f", 2))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, tally{"": 1, callerRate: 4}, reasons(t, client, "f", 5))
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			assert.Equal(t, tally{"": 1, callerRate: 1}, reasons(t, client, "f", 2))
		}
		time.Sleep(time.Hour)
		assert.Equal(t, tally{"": 10, callerRate: 10}, reasons(t, client, "f", 20), "no more than the burst is saved")
	})
}

func TestRateOfThirdsDoesNotDrift(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(1.0/3, 1))
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		assert.Equal(t, tally{"": 1, callerRate: 1}, reasons(t, client, "f", 2))
		for range 200 {
			time.Sleep(3*time.Second - 10*time.Nanosecond)
			assert.Equal(t, tally{callerRate: 1}, reasons(t, client, "f", 1))
			time.Sleep(10 * time.Nanosecond)
			assert.Equal(t, tally{"": 1, callerRate: 1}, reasons(t, client, "f", 2))
		}
	})
}

func TestDefaultQuotas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("slow", busy(time.Second))
		client := s.Client(once)
		assert.Equal(t, tally{"": 1000, accountConcurrency: 100}, reasons(t, client, "slow", 1100))
		assert.Equal(t, 1000, s.MaxInFlight())
		s.SetAccountConcurrency(10)
		assert.Equal(t, tally{"": 10, accountConcurrency: 10}, reasons(t, client, "slow", 20))
		s.SetAccountConcurrency(2)
		time.Sleep(time.Second)
		got := reasons(t, client, "slow", 30)
		assert.Equal(t, tally{"": 2, accountConcurrency: 18, callerRate: 10}, got, "the rate follows: ten times 2")
		assert.Zero(t, s.InFlight())
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []lambdatest.Option
		f    []lambdatest.FunctionOption
		n    int
		want tally
		next tally // of 100 more after 100 ms, when all have ended
	}{
		{
			name: "account concurrency uses rate tokens",
			opts: []lambdatest.Option{lambdatest.AccountConcurrency(3), lambdatest.RequestRate(10, 10)},
			n:    12, want: tally{"": 3, accountConcurrency: 7, callerRate: 2}, next: tally{"": 1, callerRate: 99},
		},
		{
			name: "reserved concurrency", f: []lambdatest.FunctionOption{lambdatest.Reserved(4)},
			n: 10, want: tally{"": 4, reservedConcurrency: 6}, next: tally{"": 4, reservedConcurrency: 30, reservedRate: 66},
		},
		{
			name: "reserved rate", f: []lambdatest.FunctionOption{lambdatest.Reserved(1)},
			n: 15, want: tally{"": 1, reservedConcurrency: 9, reservedRate: 5}, next: tally{"": 1, reservedRate: 99},
		},
		{
			name: "own rate with a reservation",
			f:    []lambdatest.FunctionOption{lambdatest.Reserved(100), lambdatest.FunctionRate(20, 5)},
			n:    8, want: tally{"": 5, reservedRate: 3}, next: tally{"": 2, reservedRate: 98},
		},
		{
			name: "own rate without a reservation", f: []lambdatest.FunctionOption{lambdatest.FunctionRate(10, 5)},
			n: 8, want: tally{"": 5, functionRate: 3}, next: tally{"": 1, functionRate: 99},
		},
		{
			name: "function rate leaves the account's alone",
			opts: []lambdatest.Option{lambdatest.RequestRate(1, 10)},
			f:    []lambdatest.FunctionOption{lambdatest.FunctionRate(100, 2)},
			n:    50, want: tally{"": 2, functionRate: 48}, next: tally{"": 2, functionRate: 98},
		},
		{
			name: "switched off", opts: []lambdatest.Option{lambdatest.RequestRate(10, 10)}, f: []lambdatest.FunctionOption{lambdatest.Reserved(0)},
			n: 12, want: tally{reservedConcurrency: 10, callerRate: 2}, next: tally{reservedConcurrency: 1, callerRate: 99},
		},
		{
			name: "scaling", opts: []lambdatest.Option{lambdatest.ScalingRate(10, time.Second)},
			n: 12, want: tally{"": 10, accountConcurrency: 2}, next: tally{"": 11, accountConcurrency: 89},
		},
		{
			name: "no limit", opts: []lambdatest.Option{lambdatest.RequestRate(math.Inf(1), 0)},
			n: 500, want: tally{"": 500}, next: tally{"": 100},
		},
		{
			name: "no rate at all", opts: []lambdatest.Option{lambdatest.RequestRate(0, 2)},
			n: 3, want: tally{"": 2, callerRate: 1}, next: tally{callerRate: 100},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New(tt.opts...)
				defer s.Close()
				s.Handle("f", busy(50*time.Millisecond), tt.f...)
				client := s.Client(once)
				start := time.Now()
				assert.Equal(t, tt.want, reasons(t, client, "f", tt.n))
				time.Sleep(time.Until(start.Add(100 * time.Millisecond)))
				assert.Equal(t, tt.next, reasons(t, client, "f", 100))
			})
		})
	}
}

func TestReservedAndUnreserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(10))
		defer s.Close()
		s.Handle("vip", busy(time.Second), lambdatest.Reserved(4))
		s.Handle("a", busy(time.Second))
		s.Handle("b", busy(time.Second))
		client := s.Client(once)
		go func() { assert.Equal(t, tally{"": 5}, reasons(t, client, "a", 5)) }()
		synctest.Wait()
		go func() { assert.Equal(t, tally{"": 1, accountConcurrency: 2}, reasons(t, client, "b", 3)) }()
		synctest.Wait()
		assert.Equal(t, 6, s.InFlight())
		go func() { assert.Equal(t, tally{"": 4, reservedConcurrency: 1}, reasons(t, client, "vip", 5)) }()
		synctest.Wait()
		assert.Equal(t, 10, s.InFlight())

		s.Handle("vip", busy(time.Second)) // gives its share back, while four of it run
		go func() { assert.Equal(t, tally{"": 4, accountConcurrency: 1}, reasons(t, client, "b", 5)) }()
		synctest.Wait()
		assert.Equal(t, 14, s.InFlight())
		s.Wait()
		assert.Zero(t, s.InFlight())
		assert.Equal(t, tally{"": 10, accountConcurrency: 1}, reasons(t, client, "vip", 11))
		assert.Equal(t, 14, s.MaxInFlight())
		s.Reset()
		assert.Zero(t, s.MaxInFlight())
	})
}

func TestScalingKeepsEnvironmentsWarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.ScalingRate(10, 10*time.Second))
		defer s.Close()
		s.Handle("f", busy(500*time.Millisecond))
		s.Handle("g", busy(500*time.Millisecond))
		client := s.Client(once)
		assert.Equal(t, tally{"": 10, accountConcurrency: 5}, reasons(t, client, "f", 15))
		assert.Equal(t, tally{"": 10, accountConcurrency: 5}, reasons(t, client, "g", 15), "each function has its own")
		assert.Equal(t, tally{"": 11, accountConcurrency: 4}, reasons(t, client, "f", 15), "ten are warm, one is new")
		time.Sleep(time.Hour)
		assert.Equal(t, tally{"": 21, accountConcurrency: 9}, reasons(t, client, "f", 30), "unused starts do not add up")
	})
}

func TestSetRequestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(100, 100))
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		assert.Equal(t, tally{"": 40}, reasons(t, client, "f", 40))
		s.SetRequestRate(50, 50)
		assert.Equal(t, tally{"": 50, callerRate: 10}, reasons(t, client, "f", 60), "60 were saved, 50 fit")
		s.SetRequestRate(100, 100)
		time.Sleep(100 * time.Millisecond)
		assert.Equal(t, tally{"": 10, callerRate: 10}, reasons(t, client, "f", 20))
		s.SetAccountConcurrency(1)
		time.Sleep(time.Second)
		assert.Equal(t, 1, reasons(t, client, "f", 101)[callerRate], "no longer ten times the concurrency")
	})
}

func TestEventsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(2), lambdatest.RequestRate(1, 1))
		defer s.Close()
		var order []string
		s.Handle("f", func(_ context.Context, payload []byte) ([]byte, error) {
			time.Sleep(time.Second)
			order = append(order, string(payload))
			return payload, nil
		}, lambdatest.Reserved(1))
		client := s.Client(once)
		start := time.Now()
		for _, p := range []string{"1", "2", "3"} {
			out, err := client.Invoke(t.Context(), event(p))
			require.NoError(t, err)
			assert.Equal(t, int32(202), out.StatusCode)
		}
		assert.Equal(t, start, time.Now())
		s.Wait()
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, []string{"1", "2", "3"}, order)
		for _, inv := range s.Invocations() {
			assert.Equal(t, time.Second, inv.Duration)
			assert.Equal(t, start, inv.Answered)
			assert.True(t, inv.Executed)
			assert.Equal(t, inv.Payload, inv.Response)
		}

		s.Handle("f", echo, lambdatest.Reserved(0))
		_, err := client.Invoke(t.Context(), event(`{}`))
		require.NoError(t, err)
		s.Wait()
		assert.Equal(t, 3, s.Counts().Executed, "accepted, and never run")
	})
}

func TestWaitingEventsOfAFunctionSwitchedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", busy(time.Second), lambdatest.Reserved(1))
		client := s.Client(once)
		for range 3 {
			_, err := client.Invoke(t.Context(), event(`{}`))
			require.NoError(t, err)
		}
		synctest.Wait()
		s.Handle("f", busy(time.Second), lambdatest.Reserved(0))
		s.Wait()
		assert.Equal(t, 1, s.Counts().Executed)
	})
}

func TestEventsWaitForEnvironments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.ScalingRate(2, 10*time.Second))
		defer s.Close()
		s.Handle("f", busy(time.Minute), lambdatest.Timeout(time.Hour))
		client := s.Client(once)
		start := time.Now()
		for range 5 {
			_, err := client.Invoke(t.Context(), event(`{}`))
			require.NoError(t, err)
		}
		for _, tt := range []struct {
			after time.Duration
			runs  int
		}{{0, 2}, {5*time.Second - 1, 2}, {5 * time.Second, 3}, {10 * time.Second, 4}, {15 * time.Second, 5}} {
			time.Sleep(time.Until(start.Add(tt.after)))
			synctest.Wait()
			assert.Equal(t, tt.runs, s.InFlight(), "after %v", tt.after)
		}
		s.Wait()
		assert.Equal(t, 75*time.Second, time.Since(start))
	})
}

func TestEventRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.EventRate(1, 2), lambdatest.RequestRate(0, 0))
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		for i := range 4 {
			_, err := client.Invoke(t.Context(), event(`{}`))
			if i < 2 {
				require.NoError(t, err)
				continue
			}
			var throttle *types.TooManyRequestsException
			require.ErrorAs(t, err, &throttle)
			assert.Equal(t, callerRate, throttle.Reason)
		}
		s.Wait()
	})
}

func TestDryRunTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(0, 0))
		defer s.Close()
		s.Handle("f", echo)
		_, err := s.Client(once).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun,
		})
		require.NoError(t, err)
	})
}
