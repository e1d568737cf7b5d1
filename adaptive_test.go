package lambdabatch_test

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func adaptive(t *testing.T, opts ...lambdabatch.LimiterOption) *lambdabatch.AdaptiveLimiter {
	t.Helper()
	l, err := lambdabatch.NewLimiter(opts...)
	require.NoError(t, err)
	return l
}

func throttle(reason types.ThrottleReason) lambdabatch.Feedback {
	return lambdabatch.Feedback{Use: lambdabatch.Throttled, Reason: reason}
}

// demand is a crowd of n that takes permits of l as fast as it gets them, each
// for run, until stop is called. answer tells what comes of each.
func demand(l lambdabatch.Limiter, function string, n int, run time.Duration, answer func() lambdabatch.Feedback) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var crowd sync.WaitGroup
	for range n {
		crowd.Go(func() {
			for {
				release, err := l.Acquire(ctx, function)
				if err != nil {
					return
				}
				f := answer()
				time.Sleep(run)
				release(f)
			}
		})
	}
	return func() {
		cancel()
		crowd.Wait()
	}
}

// A throttle moves exactly the controller that its Reason names.
func TestTheReasonNamesWhatIsCut(t *testing.T) {
	t.Parallel()
	for reason, moves := range map[types.ThrottleReason]string{
		types.ThrottleReasonCallerRateLimitExceeded:                           "account rate",
		types.ThrottleReasonConcurrentInvocationLimitExceeded:                 "account limit",
		types.ThrottleReasonFunctionInvocationRateLimitExceeded:               "function rate",
		types.ThrottleReasonReservedFunctionInvocationRateLimitExceeded:       "function rate",
		types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded: "function limit",
		types.ThrottleReasonConcurrentSnapshotCreateLimitExceeded:             "",
		"":                     "account rate",
		"SomethingNewExceeded": "account rate",
	} {
		t.Run(string(reason), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := adaptive(t)
				stop := demand(l, "f", 200, 100*time.Millisecond, func() lambdabatch.Feedback { return lambdabatch.Feedback{} })
				time.Sleep(5 * time.Second)
				stop()
				release := acquire(t, l, "f")
				time.Sleep(time.Millisecond)
				was := l.State()
				release(throttle(reason))
				is := l.State()
				for name, pair := range map[string][2]float64{
					"account rate":   {was.Account.Rate, is.Account.Rate},
					"account limit":  {was.Account.Limit, is.Account.Limit},
					"function rate":  {was.Functions["f"].Rate, is.Functions["f"].Rate},
					"function limit": {was.Functions["f"].Limit, is.Functions["f"].Limit},
				} {
					if name == moves {
						assert.Less(t, pair[1], pair[0], name)
					} else {
						assert.Equal(t, pair[0], pair[1], name)
					}
				}
			})
		})
	}
}

// What was sent before a cut and is throttled after it says nothing new.
func TestThrottlesOfOneEpochCutOnce(t *testing.T) {
	t.Parallel()
	for _, reason := range []types.ThrottleReason{callerRate, types.ThrottleReasonConcurrentInvocationLimitExceeded} {
		t.Run(string(reason), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := adaptive(t)
				stop := demand(l, "f", 100, 50*time.Millisecond, func() lambdabatch.Feedback { return lambdabatch.Feedback{} })
				time.Sleep(5 * time.Second)
				stop()
				var releases []func(lambdabatch.Feedback)
				for range 20 {
					releases = append(releases, acquire(t, l, "f"))
				}
				time.Sleep(time.Millisecond)
				releases[0](throttle(reason))
				first := l.State().Account
				for _, release := range releases[1:] {
					release(throttle(reason))
				}
				last := l.State().Account
				assert.Equal(t, first.Rate, last.Rate)
				assert.Equal(t, first.Limit, last.Limit)
				assert.Equal(t, uint64(20), last.Throttles[reason])
			})
		})
	}
}

// After a cut no second holds more than the new rate, a burst and one.
func TestNoSecondHoldsMoreThanTheNewRate(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			l := adaptive(t)
			var mu sync.Mutex
			var starts []time.Duration
			cutNow := false
			begin := time.Now()
			stop := demand(l, "f", 300, 20*time.Millisecond, func() lambdabatch.Feedback {
				mu.Lock()
				defer mu.Unlock()
				starts = append(starts, time.Since(begin))
				if cutNow {
					cutNow = false
					return throttle(callerRate)
				}
				return lambdabatch.Feedback{}
			})
			for range 5 {
				time.Sleep(time.Duration(random.Int64N(int64(4 * time.Second))))
				mu.Lock()
				cutNow = true
				mu.Unlock()
				time.Sleep(100 * time.Millisecond) // the answer is there
				rate, from := l.State().Account.Rate, time.Since(begin)
				time.Sleep(time.Second)
				mu.Lock()
				n := 0
				for _, at := range starts {
					if at >= from && at < from+time.Second {
						n++
					}
				}
				mu.Unlock()
				// It grows back a little within the second: by less than a third of the way.
				most := rate*(1+0.45*0.35) + math.Ceil(rate*0.010) + 1
				assert.LessOrEqual(t, float64(n), most, "at a rate of %v", rate)
			}
			stop()
		})
	}
}

// An idle hour is no licence for a burst.
func TestAnIdleHourIsNoLicence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := adaptive(t)
		stop := demand(l, "f", 100, 10*time.Millisecond, func() lambdabatch.Feedback { return lambdabatch.Feedback{} })
		time.Sleep(2 * time.Second)
		stop()
		rate := l.State().Account.Rate
		time.Sleep(time.Hour)
		assert.Equal(t, rate, l.State().Account.Rate, "it has not grown meanwhile")
		var n atomic.Int32
		stop = demand(l, "f", 100, 10*time.Millisecond, func() lambdabatch.Feedback {
			n.Add(1)
			return lambdabatch.Feedback{}
		})
		time.Sleep(100 * time.Millisecond)
		stop()
		assert.LessOrEqual(t, float64(n.Load()), 0.1*rate*1.11+math.Ceil(rate*0.010)+1)
	})
}

func TestRetryAfterHoldsTheLimiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, start := adaptive(t), time.Now()
		acquire(t, l, "f")(lambdabatch.Feedback{Use: lambdabatch.Throttled, Reason: callerRate, RetryAfter: 10 * time.Second})
		acquire(t, l, "g")(lambdabatch.Feedback{})
		assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
		assert.LessOrEqual(t, time.Since(start), 11*time.Second)
		start = time.Now()
		acquire(t, l, "f")(lambdabatch.Feedback{
			Use: lambdabatch.Throttled, Reason: types.ThrottleReasonReservedFunctionInvocationRateLimitExceeded, RetryAfter: time.Hour,
		})
		acquire(t, l, "g")(lambdabatch.Feedback{})
		assert.Less(t, time.Since(start), 5*time.Second, "another function goes on")
		acquire(t, l, "f")(lambdabatch.Feedback{})
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Second, "no longer than this")
		assert.LessOrEqual(t, time.Since(start), 34*time.Second)
	})
}

// A service that does not answer is asked less than once a second, and is found
// again within seconds.
func TestOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		l := adaptive(t, lambdabatch.LimiterLogger(slog.New(slog.NewTextHandler(&log, nil))))
		var down atomic.Bool
		var calls, served atomic.Int32
		stop := demand(l, "f", 100, 60*time.Millisecond, func() lambdabatch.Feedback {
			calls.Add(1)
			if down.Load() {
				return lambdabatch.Feedback{Use: lambdabatch.Failed}
			}
			served.Add(1)
			return lambdabatch.Feedback{}
		})
		time.Sleep(4 * time.Second)
		before := l.State().Account.Rate
		served.Store(0)
		time.Sleep(time.Second)
		perSecond := float64(served.Load())

		other := demand(l, "g", 1, 100*time.Millisecond, func() lambdabatch.Feedback { return lambdabatch.Feedback{} })
		down.Store(true)
		time.Sleep(time.Second)
		assert.True(t, l.State().Functions["f"].Stopped)
		assert.False(t, l.State().Functions["g"].Stopped, "another function goes on")
		calls.Store(0)
		time.Sleep(30 * time.Second)
		assert.Less(t, calls.Load(), int32(30))
		assert.GreaterOrEqual(t, l.State().Account.Rate, before, "errors are no throttles")

		down.Store(false)
		time.Sleep(9 * time.Second) // to the next probe, and 4 s
		served.Store(0)
		time.Sleep(time.Second)
		assert.GreaterOrEqual(t, float64(served.Load()), 0.9*math.Min(perSecond, 100/0.06))
		stop()
		other()
		assert.Contains(t, log.String(), `level=WARN msg="lambdabatch: no answers, invocations are stopped but for single probes" scope=f`)
		assert.Contains(t, log.String(), `level=INFO msg="lambdabatch: answers again, invocations go on" scope=f`)
	})
}

// Ceilings hold while the limiter adapts below them, and what they say is
// believed at first.
func TestCeilingsHoldWhileAdapting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := adaptive(t, lambdabatch.Rate(50, 15), lambdabatch.InFlight(20))
		start := time.Now()
		for range 15 {
			acquire(t, l, "f")(lambdabatch.Feedback{})
		}
		assert.Equal(t, start, time.Now(), "the burst is there at once")
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		var starts []time.Duration
		inFlight := 0
		stop := demand(l, "f", 100, 300*time.Millisecond, func() lambdabatch.Feedback {
			mu.Lock()
			defer mu.Unlock()
			starts = append(starts, time.Since(start))
			assert.LessOrEqual(t, l.State().Account.InFlight, 20)
			inFlight++
			switch random.IntN(40) {
			case 0:
				return throttle(callerRate)
			case 1:
				return throttle(types.ThrottleReasonConcurrentInvocationLimitExceeded)
			case 2:
				return throttle(types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded)
			default:
				return lambdabatch.Feedback{}
			}
		})
		time.Sleep(time.Minute)
		stop()
		withinRate(t, starts, 50, 15)
	})
}

// A function that Lambda throttles by its own limit does not hold up another,
// and gets what it is allowed.
func TestAThrottledFunctionDoesNotHoldUpAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.History(0))
		t.Cleanup(s.Close)
		work := func(context.Context, []byte) ([]byte, error) {
			time.Sleep(100 * time.Millisecond)
			return []byte(`{"results":[{"id":"1","status":"success"}]}`), nil
		}
		s.Handle("small", work, lambdatest.Reserved(3))
		s.Handle("large", work)
		l := adaptive(t)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		var served [2]atomic.Int32
		var crowd sync.WaitGroup
		for i, function := range []string{"small", "large"} {
			b, err := lambdabatch.New[string, string](s.Client(), function, lambdabatch.WithLimiter(l),
				lambdabatch.WithMaxRecords(1), lambdabatch.WithLinger(0))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			for range 30 {
				crowd.Go(func() {
					for ctx.Err() == nil {
						if _, err := b.Do(ctx, "a", lambdabatch.ID("1")); err == nil {
							served[i].Add(1)
						}
					}
				})
			}
		}
		crowd.Wait()
		assert.Greater(t, int(served[0].Load()), 15*30*7/10, "three at a time, a tenth of a second each")
		assert.Greater(t, int(served[1].Load()), 15*300*7/10)
		counts := s.Counts()
		assert.Less(t, float64(counts.Throttled)/float64(counts.Requests), 0.02)
		st := l.State()
		assert.LessOrEqual(t, st.Functions["small"].Limit, 5.0)
		assert.True(t, math.IsInf(st.Functions["large"].Limit, 1))
	})
}

// Invocations of minutes tell nothing for long: the limiter goes on looking for
// more all the same, and others do not wait for them.
func TestSlowFunctionsDoNotHoldUpOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, start := adaptive(t), time.Now()
		stop := demand(l, "slow", 50, 10*time.Minute, func() lambdabatch.Feedback { return lambdabatch.Feedback{} })
		time.Sleep(time.Second)
		acquire(t, l, "fast")(lambdabatch.Feedback{})
		assert.Less(t, time.Since(start), 10*time.Second)
		time.Sleep(10 * time.Second)
		assert.Equal(t, 50, l.State().Functions["slow"].InFlight)
		stop()
	})
}

// What a client does itself says nothing about Lambda.
func TestOwnEndsDoNotOpenTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, slow(shout, time.Second))
		l := adaptive(t)
		one := newBatcher(t, s.Client(), lambdabatch.WithLimiter(l), lambdabatch.WithMaxRecords(1), lambdabatch.WithLinger(0))
		for range 8 {
			one.Submit(t.Context(), "a")
		}
		synctest.Wait()
		require.Error(t, one.Shutdown(ended()))
		two := newBatcher(t, s.Client(), lambdabatch.WithLimiter(l), lambdabatch.WithHooks(lambdabatch.Hooks{
			Sealed: func(lambdabatch.SealedEvent) { panic("hook") },
		}))
		for range 20 {
			_, err := two.Do(t.Context(), "a")
			require.ErrorContains(t, err, "hook")
		}
		assert.False(t, l.State().Functions[upper].Stopped)
	})
}

// A function that is switched off is asked now and then, not all the time.
func TestSwitchedOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.Reserved(0))
		b := newBatcher(t, s.Client(), lambdabatch.WithLimiter(adaptive(t)), lambdabatch.WithMaxRecords(1))
		for range 100 {
			b.Submit(t.Context(), "a")
		}
		time.Sleep(time.Minute)
		requests := s.Counts().Requests
		time.Sleep(time.Minute)
		assert.Less(t, s.Counts().Requests-requests, 20)
		s.Handle(upper, lambdatest.PerRecord(shout))
		time.Sleep(20 * time.Second)
		assert.Equal(t, uint64(100), b.Stats().Succeeded)
	})
}
