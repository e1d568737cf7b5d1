package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

const callerRate = types.ThrottleReasonCallerRateLimitExceeded

// constantly is a backoff that always waits d.
func constantly(d time.Duration) lambdabatch.Option {
	return lambdabatch.WithBackoff(func() backoff.BackOff { return backoff.NewConstantBackOff(d) })
}

func TestFullJitterIsUniform(t *testing.T) {
	t.Parallel()
	const base, limit, draws, cells = 100 * time.Millisecond, 10 * time.Second, 20_000, 20
	for n := range 10 {
		bound := min(limit, base<<n)
		var count [cells]float64
		for range draws {
			b := lambdabatch.FullJitter(base, limit)
			for range n {
				b.NextBackOff()
			}
			d := b.NextBackOff()
			require.GreaterOrEqual(t, d, time.Duration(0))
			require.Less(t, d, bound)
			count[int64(d)*cells/int64(bound)]++
		}
		chi2 := 0.0
		for _, c := range count {
			chi2 += (c - draws/cells) * (c - draws/cells) / (draws / cells)
		}
		// 19 degrees of freedom: it is above 60 once in 300,000 times.
		assert.Less(t, chi2, 60.0, "attempt %d", n)
	}
}

func TestFullJitterAtTheEdges(t *testing.T) {
	t.Parallel()
	b := lambdabatch.FullJitter(time.Nanosecond, 1<<63-1)
	for range 200 {
		assert.GreaterOrEqual(t, b.NextBackOff(), time.Duration(0))
	}
	b.Reset()
	assert.Equal(t, time.Duration(0), b.NextBackOff(), "uniform in [0, 1 ns)")
	for _, b := range []backoff.BackOff{
		lambdabatch.FullJitter(0, time.Second), lambdabatch.FullJitter(time.Second, 0), lambdabatch.FullJitter(-1, -1),
	} {
		for range 100 {
			assert.Equal(t, time.Duration(0), b.NextBackOff())
		}
	}
}

// Throttled records have not been executed: they return to the head of their
// lane, and travel with others.
func TestThrottledRecordsTravelWithFreshOnes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxRecords(3), constantly(time.Second))
		var futures []*lambdabatch.Future[string]
		for i := range 3 {
			futures = append(futures, b.Submit(t.Context(), "old", lambdabatch.ID(fmt.Sprint("old ", i))))
		}
		time.Sleep(time.Second / 2)
		for i := range 2 {
			futures = append(futures, b.Submit(t.Context(), "fresh", lambdabatch.ID(fmt.Sprint("fresh ", i))))
		}
		for _, f := range futures[:3] {
			_, err := f.Await(t.Context())
			require.NoError(t, err)
		}
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, b.Flush(t.Context()))

		var ids [][]string
		for _, i := range s.Invocations() {
			var of []string
			for _, r := range i.Records() {
				of = append(of, r.ID)
			}
			ids = append(ids, of)
		}
		old := []string{"old 0", "old 1", "old 2"}
		assert.Equal(t, [][]string{old, old, {"fresh 0", "fresh 1"}}, ids)

		attempts := futures[0].Attempts()
		require.Len(t, attempts, 2)
		assert.Equal(t, 3, attempts[0].BatchSize)
		assert.Equal(t, lambdabatch.NotExecuted, attempts[0].Certainty)
		var throttle *types.TooManyRequestsException
		require.ErrorAs(t, attempts[0].Err, &throttle)
		assert.Equal(t, callerRate, throttle.Reason)
		assert.Equal(t, s.Invocations()[0].RequestID, attempts[0].RequestID)
		assert.Equal(t, time.Duration(0), attempts[0].Wait)
		assert.NoError(t, attempts[1].Err)
		assert.Equal(t, time.Second, attempts[1].Wait)
		assert.Equal(t, lambdabatch.Executed, attempts[1].Certainty)

		stats := b.Stats()
		assert.Equal(t, map[types.ThrottleReason]uint64{callerRate: 1}, stats.Throttles)
		assert.Equal(t, uint64(1), stats.Throttled())
		assert.Equal(t, uint64(3), stats.Retried)
		assert.Equal(t, uint64(3), stats.Invocations)
		assert.Equal(t, uint64(5), stats.Succeeded)
		assert.InDelta(t, 8.0/9, stats.FillRatio, 1e-9)
	})
}

func TestReturningRecordsTakeFreshOnesAlong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxRecords(3), constantly(time.Second))
		for range 2 {
			b.Submit(t.Context(), "old")
		}
		var flushing sync.WaitGroup
		flushing.Go(func() { assert.NoError(t, b.Flush(t.Context())) })
		time.Sleep(time.Second / 2)
		f := b.Submit(t.Context(), "fresh")
		_, err := f.Await(t.Context())
		require.NoError(t, err)
		flushing.Wait()
		assert.Equal(t, []int{2, 3}, sizes(s))
	})
}

func TestRetryAfterIsAFloor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		s.Fault(lambdatest.ThrottleAfter(callerRate, 7*time.Second), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), constantly(time.Second))
		_, err := b.Do(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{0, 7 * time.Second}, instants(s, start))
	})
}

func TestThrottlesDoNotUseUpAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(30))
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxAttempts(1))
		f := b.Submit(t.Context(), "a")
		_, err := f.Await(t.Context())
		require.NoError(t, err)
		assert.Len(t, f.Attempts(), 31)
	})
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	t.Run("after the attempts", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Fault(lambdatest.ConnectionRefused())
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), constantly(time.Second))
			f := b.Submit(t.Context(), "a")
			_, err := f.Await(t.Context())
			var failed *lambdabatch.InvokeError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, lambdabatch.NotExecuted, failed.Certainty)
			assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
			assert.ErrorContains(t, err, "the last of 6 attempts failed")
			assert.Len(t, f.Attempts(), 6)
			assert.Equal(t, 5*time.Second, time.Since(start))
		})
	})
	t.Run("certainty is that of all attempts", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
			s.Fault(lambdatest.ConnectionRefused())
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxAttempts(2))
			_, err := b.Do(t.Context(), "a")
			var failed *lambdabatch.InvokeError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, lambdabatch.NotExecuted, failed.Certainty, "of the last")
			assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		})
	})
	t.Run("by the backoff", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Fault(lambdatest.Throttle(callerRate))
			b := newBatcher(t, s.Client(), lambdabatch.WithBackoff(func() backoff.BackOff {
				return backoff.WithMaxRetries(lambdabatch.FullJitter(time.Second, time.Minute), 2)
			}))
			f := b.Submit(t.Context(), "a")
			_, err := f.Await(t.Context())
			require.ErrorContains(t, err, "the last of 3 attempts failed")
			assert.Len(t, f.Attempts(), 3)
		})
	})
	t.Run("by the delivery timeout", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Fault(lambdatest.Throttle(callerRate))
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), constantly(time.Second),
				lambdabatch.WithDeliveryTimeout(3500*time.Millisecond))
			_, err := b.Do(t.Context(), "a")
			require.ErrorIs(t, err, lambdabatch.ErrDeliveryTimeout)
			assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
			var throttle *types.TooManyRequestsException
			require.ErrorAs(t, err, &throttle, "why it took so long")
			assert.Equal(t, 3500*time.Millisecond, time.Since(start))
			assert.Len(t, s.Invocations(), 4)
		})
	})
	t.Run("by its context, in flight", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, 2*time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0))
			other := b.Submit(t.Context(), "b")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Do(ctx, "a")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
			assert.Equal(t, time.Second, time.Since(start))
			_, err = other.Await(t.Context())
			require.NoError(t, err)
		})
	})
}

func TestRetryUncertain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect    lambdatest.Effect
		certainty lambdabatch.Certainty
		retried   bool // although uncertain failures are not
	}{
		"reset before":       {lambdatest.ResetBefore(), lambdabatch.MaybeExecuted, false},
		"reset after":        {lambdatest.ResetAfter(), lambdabatch.MaybeExecuted, false},
		"truncated":          {lambdatest.Truncated(), lambdabatch.Executed, false},
		"500":                {lambdatest.ServerError(500, ""), lambdabatch.MaybeExecuted, false},
		"502 of a proxy":     {lambdatest.ServerError(502, "<html>Bad Gateway</html>"), lambdabatch.MaybeExecuted, false},
		"black hole":         {lambdatest.BlackHole(), lambdabatch.MaybeExecuted, false},
		"connection refused": {lambdatest.ConnectionRefused(), lambdabatch.NotExecuted, true},
		"throttle":           {lambdatest.Throttle(callerRate), lambdabatch.NotExecuted, true},
		"ENI not ready":      {lambdatest.Status(502, "ENINotReadyException", "soon"), lambdabatch.NotExecuted, true},
	} {
		for _, uncertain := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", name, uncertain), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					s := newService(t)
					s.Fault(test.effect, lambdatest.Count(1))
					b := newBatcher(t, s.Client(), lambdabatch.WithRetryUncertain(uncertain), lambdabatch.WithInvocationTimeout(time.Minute))
					f := b.Submit(t.Context(), "a")
					_, err := f.Await(t.Context())
					assert.Equal(t, test.certainty, f.Attempts()[0].Certainty)
					if uncertain || test.retried {
						require.NoError(t, err)
						assert.Len(t, f.Attempts(), 2)
						return
					}
					var failed *lambdabatch.InvokeError
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, test.certainty, failed.Certainty)
					assert.Len(t, s.Invocations(), 1)
				})
			})
		}
	}
}

func TestPermanentFailuresAreNotRetried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b, err := lambdabatch.New[string, string](s.Client(), "nobody")
		require.NoError(t, err)
		defer b.Close()
		_, err = b.Do(t.Context(), "a")
		var missing *types.ResourceNotFoundException
		require.ErrorAs(t, err, &missing)
		var failed *lambdabatch.InvokeError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "nobody", failed.Function)
		assert.NotEmpty(t, failed.RequestID)
		assert.Len(t, s.Invocations(), 1)
	})
}

func TestRetryResults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		var seen sync.Map
		s.Handle(upper, lambdatest.PerRecord(func(ctx context.Context, id string, data json.RawMessage) (any, error) {
			n, _ := seen.LoadOrStore(id, new(atomic.Int32))
			if tries := n.(*atomic.Int32).Add(1); id == "later" && tries == 1 || id == "never" {
				return nil, lambdatest.RetryAfter(3 * time.Second)
			}
			return shout(ctx, id, data)
		}))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Second), constantly(time.Second), lambdabatch.WithMaxAttempts(3))
		now := b.Submit(t.Context(), "now", lambdabatch.ID("now"))
		later := b.Submit(t.Context(), "later", lambdabatch.ID("later"))
		never := b.Submit(t.Context(), "never", lambdabatch.ID("never"))
		_, err := now.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start))
		_, err = later.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 4*time.Second, time.Since(start))
		_, err = never.Await(t.Context())
		var refused *lambdabatch.RecordError
		require.ErrorAs(t, err, &refused)
		assert.True(t, refused.Retryable)
		assert.Equal(t, 3*time.Second, refused.RetryAfter)
		assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
		assert.Equal(t, []int{3, 2, 1}, sizes(s))
	})
}

// Whatever the client is configured to do, each attempt on the wire has a permit.
func TestOneAttemptOnTheWirePerPermit(t *testing.T) {
	for name, option := range map[string]func(*lambda.Options){
		"defaults":     func(*lambda.Options) {},
		"max attempts": func(o *lambda.Options) { o.RetryMaxAttempts = 10 },
		"standard":     func(o *lambda.Options) { o.RetryMode = aws.RetryModeStandard; o.RetryMaxAttempts = 5 },
		"adaptive":     func(o *lambda.Options) { o.RetryMode = aws.RetryModeAdaptive },
		"own retryer": func(o *lambda.Options) {
			o.Retryer = awsretry.NewStandard(func(o *awsretry.StandardOptions) { o.MaxAttempts = 7 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_MAX_ATTEMPTS", "9")
			t.Setenv("AWS_RETRY_MODE", "adaptive")
			s := newService(t)
			s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(3))
			s.Fault(lambdatest.ServerError(500, ""), lambdatest.Count(2))
			s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
			permits := &counting{}
			b, err := lambdabatch.New[string, string](s.Client(option), upper,
				lambdabatch.WithLimiter(permits), constantly(time.Microsecond))
			require.NoError(t, err)
			defer b.Close()
			_, err = b.Do(t.Context(), "a")
			require.NoError(t, err)
			assert.Len(t, s.Invocations(), 7)
			assert.Equal(t, int32(7), permits.given.Load())
			assert.Equal(t, int32(7), permits.released.Load())
		})
	}
}

// counting is a Limiter that counts.
type counting struct {
	given, released atomic.Int32
	mu              sync.Mutex
	feedback        []lambdabatch.Feedback
}

func (c *counting) Acquire(context.Context, string) (func(lambdabatch.Feedback), error) {
	c.given.Add(1)
	return func(f lambdabatch.Feedback) {
		c.released.Add(1)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.feedback = append(c.feedback, f)
	}, nil
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect lambdatest.Effect
		want   lambdabatch.Feedback
	}{
		"success":        {lambdatest.Latency(0), lambdabatch.Feedback{Use: lambdabatch.Succeeded}},
		"function error": {lambdatest.Unhandled("E", "boom"), lambdabatch.Feedback{Use: lambdabatch.Succeeded}},
		"throttle": {
			lambdatest.ThrottleAfter(callerRate, 2*time.Second),
			lambdabatch.Feedback{Use: lambdabatch.Throttled, Reason: callerRate, RetryAfter: 2 * time.Second},
		},
		"500":     {lambdatest.ServerError(500, ""), lambdabatch.Feedback{Use: lambdabatch.Failed}},
		"refused": {lambdatest.ConnectionRefused(), lambdabatch.Feedback{Use: lambdabatch.Failed}},
		"404":     {lambdatest.Status(404, "ResourceNotFoundException", "none"), lambdabatch.Feedback{Use: lambdabatch.Succeeded}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(test.effect, lambdatest.Count(1))
				permits := &counting{}
				b := newBatcher(t, s.Client(), lambdabatch.WithLimiter(permits))
				_, _ = b.Do(t.Context(), "a")
				assert.Equal(t, test.want, permits.feedback[0])
			})
		})
	}
}

// lame is a Limiter that fails as it is told to.
type lame func(ctx context.Context) (func(lambdabatch.Feedback), error)

func (l lame) Acquire(ctx context.Context, _ string) (func(lambdabatch.Feedback), error) {
	return l(ctx)
}

func TestLimitersThatFail(t *testing.T) {
	t.Parallel()
	errDown := errors.New("the limiter's server is down")
	for name, test := range map[string]struct {
		limiter lame
		says    string
	}{
		"error":   {func(context.Context) (func(lambdabatch.Feedback), error) { return nil, errDown }, errDown.Error()},
		"panic":   {func(context.Context) (func(lambdabatch.Feedback), error) { panic("limiter") }, "panic in the limiter: limiter"},
		"neither": {func(context.Context) (func(lambdabatch.Feedback), error) { return nil, nil }, "neither a release function nor an error"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, start := newService(t), time.Now()
				b := newBatcher(t, s.Client(), lambdabatch.WithLimiter(test.limiter), lambdabatch.WithLinger(0), constantly(time.Second))
				f := b.Submit(t.Context(), "a")
				_, err := f.Await(t.Context())
				require.ErrorContains(t, err, test.says)
				var failed *lambdabatch.InvokeError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
				assert.Equal(t, 5*time.Second, time.Since(start), "it is asked again, as often as attempts are allowed")
				assert.Empty(t, s.Invocations())
			})
		})
	}
	t.Run("panic at release", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b := newBatcher(t, s.Client(), lambdabatch.WithLimiter(lame(func(context.Context) (func(lambdabatch.Feedback), error) {
				return func(lambdabatch.Feedback) { panic("release") }, nil
			})))
			_, err := b.Do(t.Context(), "a")
			require.NoError(t, err, "the record has its value all the same")
		})
	})
}

// A permit for which nothing is left to send goes back whole.
func TestUnusedPermit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		gate := make(chan struct{})
		var got []lambdabatch.Feedback
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0),
			lambdabatch.WithLimiter(lame(func(context.Context) (func(lambdabatch.Feedback), error) {
				<-gate // deaf to its ctx
				return func(f lambdabatch.Feedback) { got = append(got, f) }, nil
			})))
		ctx, cancel := context.WithCancel(t.Context())
		f := b.Submit(ctx, "a")
		cancel()
		<-f.Done()
		close(gate)
		require.NoError(t, b.Close())
		assert.Equal(t, []lambdabatch.Feedback{{Use: lambdabatch.NotUsed}}, got)
		assert.Empty(t, s.Invocations())
	})
}

// Nobody waits for a permit when the last record has left, and the next one has one asked
// for anew.
func TestPermitThatNobodyNeedsAnyMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		waiting, quota := 0, false
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0),
			lambdabatch.WithLimiter(lame(func(ctx context.Context) (func(lambdabatch.Feedback), error) {
				if !quota {
					waiting++
					<-ctx.Done()
					waiting--
					return nil, ctx.Err()
				}
				return func(lambdabatch.Feedback) {}, nil
			})))
		for range 2 {
			ctx, leave := context.WithCancel(t.Context())
			f := b.Submit(ctx, "a")
			synctest.Wait()
			assert.Equal(t, 1, waiting)
			leave()
			<-f.Done()
			synctest.Wait()
			assert.Zero(t, waiting)
		}
		quota = true
		_, err := b.Do(t.Context(), "a")
		require.NoError(t, err)
	})
}

// A record that leaves while it waits for its retry takes the lane's timer along.
func TestLeavingWhileDelayed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := lambdatest.New()
		t.Cleanup(s.Close)
		s.Handle(upper, slow(shout, 5*time.Second), lambdatest.TenantIsolation(), lambdatest.Timeout(time.Minute))
		s.Fault(lambdatest.ThrottleAfter(callerRate, time.Minute), lambdatest.Count(1))
		s.Fault(lambdatest.ThrottleAfter(callerRate, 10*time.Second), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), immediately(), lambdabatch.WithLinger(20*time.Second))
		ctx, leave := context.WithTimeout(t.Context(), 55*time.Second)
		defer leave()
		leaves := b.Submit(ctx, "a", lambdabatch.Tenant("red")) // is sent at 20 s, and waits until 80 s
		time.Sleep(30 * time.Second)
		returns := b.Submit(t.Context(), "b", lambdabatch.Tenant("red")) // is sent at 50 s, and again at 60 s
		time.Sleep(40 * time.Second)
		last := b.Submit(t.Context(), "c", lambdabatch.Tenant("red")) // lingers until 90 s
		time.Sleep(15 * time.Second)
		start := time.Now()
		require.NoError(t, b.Flush(t.Context()))
		assert.Equal(t, 5*time.Second, time.Since(start))
		_, err := leaves.Await(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for _, f := range []*lambdabatch.Future[string]{returns, last} {
			_, err := f.Await(t.Context())
			require.NoError(t, err)
		}
	})
}

// A Batcher may be shut down while code of the user's is asked about a retry.
func TestShutdownDuringABackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.ServerError(500, ""))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithBackoff(func() backoff.BackOff {
			time.Sleep(time.Second)
			return &backoff.ZeroBackOff{}
		}))
		f := b.Submit(context.Background(), "a") //nolint:usetesting // a context that cannot end
		time.Sleep(time.Second / 2)
		require.ErrorIs(t, b.Shutdown(ended()), context.Canceled)
		_, err := f.Await(ended())
		require.ErrorIs(t, err, lambdabatch.ErrClosed)
		assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		require.NoError(t, b.Close())
	})
}

// What Flush has sent it sends again, too, without lingering: also when the lane has
// gone in the meantime.
func TestFlushAndRetries(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]lambdabatch.RecordOption{"no tenant": nil, "tenant": lambdabatch.Tenant("red")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				if option != nil {
					s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.TenantIsolation())
				}
				s.Fault(lambdatest.ServerError(500, ""), lambdatest.Count(1))
				b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), constantly(time.Second))
				start := time.Now()
				f := b.Submit(t.Context(), "a", option)
				require.NoError(t, b.Flush(t.Context()))
				assert.Equal(t, time.Second, time.Since(start))
				_, err := f.Await(ended())
				require.NoError(t, err)
			})
		})
	}
}
