package lambdabatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// Records of a key stay in order and apart, whatever happens to them, and those of
// other keys flow on.
func TestOrderingKey(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		bubbled(t, func(t *testing.T) { orderly(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func orderly(t *testing.T, random *rand.Rand) {
	t.Helper()
	type step struct{ Key, N int }
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(random.Uint64(), 0)) // the function's, under mu
	running := map[int]int{}                          // executions of a key at the moment
	executed := map[int][]int{}                       // in their order
	asked := map[string]struct{}{}
	s := newService(t)
	s.Handle(upper, func(ctx context.Context, payload []byte) ([]byte, error) {
		var request struct{ Records []struct{ Data step } }
		if err := json.Unmarshal(payload, &request); err != nil {
			return nil, err
		}
		mu.Lock()
		for _, r := range request.Records {
			if running[r.Data.Key]++; running[r.Data.Key] > 1 && r.Data.Key > 0 {
				t.Errorf("two records of key %d at a time", r.Data.Key)
			}
			executed[r.Data.Key] = append(executed[r.Data.Key], r.Data.N)
		}
		took := time.Duration(dice.IntN(300)) * time.Millisecond
		mu.Unlock()
		time.Sleep(took)
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range request.Records {
				running[r.Data.Key]--
			}
		}()
		return lambdatest.PerRecord(func(_ context.Context, id string, _ json.RawMessage) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			if _, again := asked[id]; !again && dice.IntN(4) == 0 {
				asked[id] = struct{}{}
				return nil, lambdatest.RetryAfter(time.Duration(dice.IntN(2000)) * time.Millisecond)
			}
			return "done", nil
		})(ctx, payload)
	})
	for _, effect := range []lambdatest.Effect{lambdatest.Throttle(callerRate), lambdatest.Exited(), lambdatest.ServerError(500, ""), lambdatest.ResetAfter()} {
		s.Fault(effect, lambdatest.Skip(random.IntN(10)), lambdatest.Count(random.IntN(3)))
	}
	b, err := lambdabatch.New[step, string](s.Client(), upper,
		lambdabatch.WithLimiter(newLimiter(t)), lambdabatch.WithMaxRecords(1+random.IntN(8)),
		lambdabatch.WithMaxBuffered(1+random.IntN(60), 1<<20), lambdabatch.WithMaxAttempts(1+random.IntN(6)))
	require.NoError(t, err)

	futures := map[int][]*lambdabatch.Future[string]{}
	var ends []context.CancelFunc
	for n := range 1 + random.IntN(60) {
		key := random.IntN(5) // 0 is none
		var opts []lambdabatch.RecordOption
		if key > 0 {
			opts = append(opts, lambdabatch.OrderingKey(fmt.Sprint(key)))
		}
		ctx := t.Context()
		if random.IntN(5) == 0 {
			var end context.CancelFunc
			ctx, end = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Millisecond)
			ends = append(ends, end)
		}
		futures[key] = append(futures[key], b.Submit(ctx, step{key, n}, opts...))
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	if random.IntN(4) == 0 {
		ctx, end := context.WithTimeout(t.Context(), time.Duration(random.IntN(2000))*time.Millisecond)
		_ = b.Shutdown(ctx)
		end()
	} else {
		require.NoError(t, b.Flush(t.Context()))
	}
	for key, all := range futures {
		for i, f := range all {
			_, _ = f.Await(ended())
			select {
			case <-f.Done():
			default:
				t.Errorf("record %d of key %d is not done", i, key)
			}
		}
	}
	require.NoError(t, b.Close())
	for _, end := range ends {
		end()
	}
	time.Sleep(time.Hour) // what runs in Lambda still
	mu.Lock()
	defer mu.Unlock()
	for key, ns := range executed {
		if key > 0 {
			assert.True(t, slices.IsSorted(ns), "key %d: %v", key, ns)
		}
	}
}

func TestOrderingKeyMustNotBeEmpty(t *testing.T) {
	t.Parallel()
	b := newBatcher(t, newService(t).Client())
	_, err := b.Do(t.Context(), "text", lambdabatch.OrderingKey(""))
	require.ErrorContains(t, err, `OrderingKey(""): must not be empty`)
}

// The next record of a key does not come before others that Flush has asked for.
func TestOrderingKeyAndFlush(t *testing.T) {
	t.Parallel()
	for name, tenant := range map[string]lambdabatch.RecordOption{"no tenant": nil, "tenant": lambdabatch.Tenant("red")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				if tenant != nil {
					s.Handle(upper, slow(shout, time.Second), lambdatest.TenantIsolation())
				} else {
					s.Handle(upper, slow(shout, time.Second))
				}
				// The permit is given back before its batch has landed. Here it comes a moment after: which of the two is first would be chance.
				one := newLimiter(t, lambdabatch.InFlight(1))
				const later = time.Millisecond
				b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxRecords(5),
					lambdabatch.WithLimiter(lame(func(ctx context.Context) (func(lambdabatch.Feedback), error) {
						release, err := one.Acquire(ctx, upper)
						return func(f lambdabatch.Feedback) { time.AfterFunc(later, func() { release(f) }) }, err
					})))
				submit := func(options ...lambdabatch.RecordOption) {
					b.Submit(t.Context(), "a", append(options, tenant)...)
				}
				submit(lambdabatch.OrderingKey("k"))
				for range 4 { // the batch is full and goes
					submit()
				}
				submit()
				submit(lambdabatch.OrderingKey("k")) // is held
				start := time.Now()
				require.NoError(t, b.Flush(t.Context()))
				assert.Equal(t, 2*time.Second+later, time.Since(start))

				submit(lambdabatch.OrderingKey("k"))
				for range 4 {
					submit()
				}
				submit()
				done := make(chan struct{})
				go func() {
					defer close(done)
					assert.NoError(t, b.Flush(t.Context()))
				}()
				time.Sleep(time.Millisecond)
				submit(lambdabatch.OrderingKey("k")) // comes after Flush, and is held
				start = time.Now()
				<-done
				assert.Less(t, time.Since(start), 3*time.Second)
			})
		})
	}
}
