package lambdabatch_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// acquire takes a permit that must be there now or come in time.
func acquire(t *testing.T, l lambdabatch.Limiter, function string) func(lambdabatch.Feedback) {
	t.Helper()
	release, err := l.Acquire(t.Context(), function)
	require.NoError(t, err)
	return release
}

func use(u lambdabatch.Use) lambdabatch.Feedback { return lambdabatch.Feedback{Use: u} }

func TestRateIsExact(t *testing.T) {
	t.Parallel()
	for name, limiter := range map[string]func(*testing.T) lambdabatch.Limiter{
		"NewLimiter": func(t *testing.T) lambdabatch.Limiter { return newLimiter(t, lambdabatch.Rate(8, 15)) },
		"function": func(t *testing.T) lambdabatch.Limiter {
			return newLimiter(t, lambdabatch.FunctionRate("f", 8, 15))
		},
		"FromRate": func(*testing.T) lambdabatch.Limiter { return lambdabatch.FromRate(rate.NewLimiter(8, 15)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, start := limiter(t), time.Now()
				for i := range 100 {
					acquire(t, l, "f")(use(lambdabatch.Succeeded))
					due := time.Duration(max(0, i-14)) * time.Second / 8
					assert.InDelta(t, float64(due), float64(time.Since(start)), float64(time.Microsecond))
				}
				time.Sleep(time.Hour)
				start = time.Now()
				for range 16 {
					acquire(t, l, "f")(use(lambdabatch.Succeeded))
				}
				assert.InDelta(t, float64(time.Second/8), float64(time.Since(start)), float64(time.Microsecond),
					"an idle hour is worth one burst")
			})
		})
	}
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]lambdabatch.LimiterOption{
		"of the account": lambdabatch.InFlight(2), "of the function": lambdabatch.FunctionInFlight("arn:aws:lambda:eu-west-1:123456789012:function:f:prod", 2),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := newLimiter(t, option)
				release := acquire(t, l, "f")
				acquire(t, l, "f:alias")
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := l.Acquire(ctx, "f")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				release(use(lambdabatch.Succeeded))
				release(use(lambdabatch.Succeeded)) // once is enough
				acquire(t, l, "f")
				_, err = l.Acquire(ended(), "f")
				require.ErrorIs(t, err, context.Canceled)
			})
		})
	}
}

// A permit that was not used goes back whole, and one who goes away while
// waiting takes nothing along.
func TestNoPermitIsLost(t *testing.T) {
	t.Parallel()
	for name, limiter := range map[string]func(*testing.T) lambdabatch.Limiter{
		"NewLimiter": func(t *testing.T) lambdabatch.Limiter { return newLimiter(t, lambdabatch.Rate(1, 1)) },
		"FromRate":   func(*testing.T) lambdabatch.Limiter { return lambdabatch.FromRate(rate.NewLimiter(1, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("not used", func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					l, start := limiter(t), time.Now()
					for range 5 {
						acquire(t, l, "f")(use(lambdabatch.NotUsed))
					}
					assert.Equal(t, start, time.Now())
					acquire(t, l, "f")
					assert.Equal(t, start, time.Now())
					acquire(t, l, "f")(use(lambdabatch.NotUsed))
					acquire(t, l, "f")
					assert.Equal(t, time.Second, time.Since(start))
				})
			})
			t.Run("gone away", func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					l, start := limiter(t), time.Now()
					ctx, cancel := context.WithCancel(t.Context())
					var served []time.Duration
					var mu sync.Mutex
					var waiters sync.WaitGroup
					for i := range 40 {
						ctx := ctx
						if i%2 == 1 {
							ctx = t.Context()
						}
						waiters.Go(func() {
							if _, err := l.Acquire(ctx, "f"); err == nil {
								mu.Lock()
								defer mu.Unlock()
								served = append(served, time.Since(start))
							}
						})
						synctest.Wait() // they stand in line in this order
					}
					time.Sleep(9500 * time.Millisecond)
					cancel()
					waiters.Wait()
					// Ten were served by then, half of them of those who stayed; the other 15 follow without a gap.
					require.Len(t, served, 25)
					for i, at := range served {
						assert.InDelta(t, float64(i)*float64(time.Second), float64(at), float64(time.Microsecond))
					}
				})
			})
		})
	}
}

func TestFromRateFollowsAChangeOfTheRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		shared, start := rate.NewLimiter(rate.Every(time.Hour), 1), time.Now()
		l := lambdabatch.FromRate(shared)
		acquire(t, l, "f")
		time.AfterFunc(time.Minute, func() { shared.SetLimit(1000) })
		acquire(t, l, "f")
		assert.Less(t, time.Since(start), time.Minute+2*time.Second)
	})
}

func TestFromRateOfNoBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := lambdabatch.FromRate(rate.NewLimiter(1, 0)).Acquire(t.Context(), "f")
		require.ErrorContains(t, err, "burst is 0")
		_, err = lambdabatch.FromRate(rate.NewLimiter(rate.Inf, 0)).Acquire(t.Context(), "f")
		require.NoError(t, err)
	})
}

// A function whose own limit is short does not hold up another, and those that
// the account's limit holds up take turns.
func TestFunctionsTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLimiter(t, lambdabatch.Rate(10, 1), lambdabatch.FunctionInFlight("stuck", 1))
		acquire(t, l, "stuck")
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var order []string
		var waiters sync.WaitGroup
		wait := func(function string, n int) {
			for range n {
				waiters.Go(func() {
					if _, err := l.Acquire(ctx, function); err == nil {
						mu.Lock()
						defer mu.Unlock()
						order = append(order, function)
					}
				})
			}
			synctest.Wait()
		}
		wait("stuck", 3)
		wait("greedy", 30)
		wait("modest", 3)
		time.Sleep(650 * time.Millisecond)
		cancel()
		waiters.Wait()
		assert.Equal(t, []string{"greedy", "modest", "greedy", "modest", "greedy", "modest"}, order)
	})
}

func TestWhoWaitsLongestIsNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLimiter(t, lambdabatch.InFlight(1))
		release := acquire(t, l, "f")
		var order []int
		var waiters sync.WaitGroup
		for i := range 20 {
			waiters.Go(func() {
				release, err := l.Acquire(t.Context(), "f")
				assert.NoError(t, err)
				order = append(order, i)
				release(use(lambdabatch.Failed))
			})
			synctest.Wait()
		}
		release(use(lambdabatch.Succeeded))
		waiters.Wait()
		assert.True(t, slices.IsSorted(order), order)
	})
}

// Whatever comes and goes, no ceiling is passed: not the number in flight, and
// in no span of time more than the rate has to give.
func TestCeilingsHold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			perSecond, burst, slots := 1+20*random.Float64(), 1+random.IntN(5), 1+random.IntN(6)
			l := newLimiter(t, lambdabatch.Rate(perSecond, burst), lambdabatch.InFlight(slots),
				lambdabatch.FunctionRate("f0", perSecond/3, 1), lambdabatch.FunctionInFlight("f1", 1))
			var mu sync.Mutex
			var inFlight, inF1 int
			var starts, startsF0 []time.Duration
			begin := time.Now()
			var users sync.WaitGroup
			for i := range 60 {
				function := []string{"f0", "f1", "f2"}[i%3]
				arrive := time.Duration(random.Int64N(int64(5 * time.Second)))
				patience := time.Duration(random.Int64N(int64(10 * time.Second)))
				run := time.Duration(random.Int64N(int64(time.Second)))
				outcome := []lambdabatch.Use{lambdabatch.Succeeded, lambdabatch.Failed, lambdabatch.Throttled, lambdabatch.NotUsed}[random.IntN(4)]
				users.Go(func() {
					time.Sleep(arrive)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					release, err := l.Acquire(ctx, function)
					if err != nil {
						assert.ErrorIs(t, err, context.DeadlineExceeded)
						return
					}
					if outcome == lambdabatch.NotUsed {
						release(use(outcome))
						return
					}
					mu.Lock()
					starts = append(starts, time.Since(begin))
					if function == "f0" {
						startsF0 = append(startsF0, time.Since(begin))
					}
					inFlight++
					if function == "f1" {
						inF1++
					}
					assert.LessOrEqual(t, inFlight, slots)
					assert.LessOrEqual(t, inF1, 1)
					mu.Unlock()
					time.Sleep(run)
					mu.Lock()
					inFlight--
					if function == "f1" {
						inF1--
					}
					mu.Unlock()
					release(use(outcome))
				})
			}
			users.Wait()
			withinRate(t, starts, perSecond, burst)
			withinRate(t, startsF0, perSecond/3, 1)
		})
	}
}

// withinRate checks that no span holds more than the rate has to give in it.
func withinRate(t *testing.T, starts []time.Duration, perSecond float64, burst int) {
	t.Helper()
	slices.Sort(starts)
	for i := range starts {
		for j := i; j < len(starts); j++ {
			given := float64(burst) + perSecond*(starts[j]-starts[i]).Seconds()
			if n := j - i + 1; float64(n) > math.Floor(given+1e-6) {
				t.Errorf("%d permits within %v, at %v a second and a burst of %d", n, starts[j]-starts[i], perSecond, burst)
			}
		}
	}
}

// A token that comes back late, when the bucket might have been full without it, has
// been replaced already.
func TestATokenThatComesBackLate(t *testing.T) {
	t.Parallel()
	for name, limiter := range map[string]func(*testing.T) lambdabatch.Limiter{
		"NewLimiter": func(t *testing.T) lambdabatch.Limiter { return newLimiter(t, lambdabatch.Rate(1, 3)) },
		"FromRate":   func(*testing.T) lambdabatch.Limiter { return lambdabatch.FromRate(rate.NewLimiter(1, 3)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := limiter(t)
				var starts []time.Duration
				epoch := time.Now()
				unused := acquire(t, l, "f")
				time.Sleep(10 * time.Second)
				for range 6 {
					used := acquire(t, l, "f")
					starts = append(starts, time.Since(epoch))
					unused(use(lambdabatch.NotUsed))
					used(use(lambdabatch.Succeeded))
				}
				withinRate(t, starts, 1, 3)

				// Of a bucket that was not full in the meantime it is welcome.
				unused = acquire(t, l, "f")
				start := time.Now()
				time.Sleep(time.Second / 2)
				unused(use(lambdabatch.NotUsed))
				acquire(t, l, "f")(use(lambdabatch.Succeeded))
				assert.Equal(t, time.Second/2, time.Since(start))
			})
		})
	}
}

// What Lambda answers while the Batcher is shut down is told the limiter as it is.
func TestThrottleDuringShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Throttle(callerRate))
		client := s.Client()
		permits := &counting{}
		b := newBatcher(t, late{client}, lambdabatch.WithLimiter(permits), lambdabatch.WithLinger(0))
		b.Submit(t.Context(), "a")
		time.Sleep(time.Second / 2)
		require.ErrorIs(t, b.Shutdown(ended()), context.Canceled)
		require.NoError(t, b.Close())
		assert.Equal(t, []lambdabatch.Feedback{{Use: lambdabatch.Throttled, Reason: callerRate}}, permits.feedback)
	})
}

// late is an Invoker that tells what came a second later.
type late struct{ lambdabatch.Invoker }

func (l late) Invoke(ctx context.Context, in *lambda.InvokeInput, opts ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	out, err := l.Invoker.Invoke(ctx, in, opts...)
	time.Sleep(time.Second)
	return out, err
}

// Two Batchers that share a limiter stay under its ceilings together, retries
// included.
func TestBatchersShareALimiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t, lambdatest.RequestRate(8, 15), lambdatest.AccountConcurrency(3))
		s.Handle(upper, slow(shout, 300*time.Millisecond))
		s.Fault(lambdatest.ServerError(503, ""), lambdatest.Skip(5), lambdatest.Count(5))
		l := newLimiter(t, lambdabatch.Rate(8, 15), lambdabatch.InFlight(3))
		one := newBatcher(t, s.Client(), lambdabatch.WithLimiter(l), lambdabatch.WithMaxRecords(5))
		two := newBatcher(t, s.Client(), lambdabatch.WithLimiter(l), lambdabatch.WithMaxRecords(5))
		var failed atomic.Int32
		var users sync.WaitGroup
		for range 200 {
			users.Go(func() {
				if _, err := one.Do(t.Context(), "a"); err != nil {
					failed.Add(1)
				}
				if _, err := two.Do(t.Context(), "b"); err != nil {
					failed.Add(1)
				}
			})
		}
		users.Wait()
		assert.Zero(t, failed.Load())
		assert.Zero(t, s.Counts().Throttled)
		assert.LessOrEqual(t, s.MaxInFlight(), 3)
		assert.Equal(t, uint64(len(s.Invocations())), one.Stats().Invocations+two.Stats().Invocations)
	})
}

func TestLimiterOptions(t *testing.T) {
	t.Parallel()
	_, err := lambdabatch.NewLimiter(lambdabatch.Rate(0, 15), lambdabatch.InFlight(-1),
		lambdabatch.FunctionRate("", 1, 1), lambdabatch.FunctionInFlight("f", 0), lambdabatch.Rate(math.NaN(), 1))
	for _, says := range []string{
		"Rate(0, 15): must be at least one a year", "InFlight(-1): must be at least 1", `FunctionRate("", 1, 1): must be`,
		`FunctionInFlight("f", 0): must be`, "Rate(NaN, 1): must be",
	} {
		assert.ErrorContains(t, err, says)
	}
	_, err = lambdabatch.NewLimiter(lambdabatch.Rate(math.Inf(1), 1), lambdabatch.InFlight(1), nil)
	assert.NoError(t, err)
}
