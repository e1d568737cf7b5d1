package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

var soak = flag.Duration("soak", 3*time.Second, "how long TestSoak runs")

// TestSoak sends records over loopback, TLS and HTTP/2 for a while, with faults: each
// has its outcome, the failed ones are dead letters, and neither memory nor goroutines
// become more. For longer: go test -race -run TestSoak . -args -soak 10m.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := lambdatest.New(lambdatest.History(0), lambdatest.AccountConcurrency(50))
	t.Cleanup(s.Close)
	s.Handle(upper, lambdatest.PerRecord(func(_ context.Context, id string, data json.RawMessage) (any, error) {
		hash := fnv.New32()
		_, _ = hash.Write([]byte(id))
		switch n := hash.Sum32() % 1000; {
		case n < 10:
			return nil, errors.New("no")
		case n < 20 && rand.IntN(2) == 0:
			return nil, lambdatest.RetryAfter(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
		return strings.ToUpper(texto(data)), nil
	}), lambdatest.Timeout(time.Minute))
	wholly(s, "poison", lambdatest.Exited())
	server, connections := serve(t, true, s)
	client := newWireClient(t, server.URL, server, lambdabatch.TunedClient(64))

	limiter, err := lambdabatch.NewLimiter()
	require.NoError(t, err)
	var buried atomic.Int64
	b := newBatcher(t, client, lambdabatch.WithLimiter(limiter), lambdabatch.WithLinger(time.Millisecond),
		lambdabatch.WithInvocationTimeout(5*time.Second), lambdabatch.WithMaxAttempts(10), lambdabatch.WithMaxBuffered(2000, 1<<20),
		lambdabatch.WithDeadLetter(func(context.Context, lambdabatch.DeadLetter) error { buried.Add(1); return nil }))

	ctx, stop := context.WithTimeout(t.Context(), *soak)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { spoil(ctx, s) })
	var submitted, succeeded, failed, refused atomic.Int64
	for n := range 16 {
		all.Go(func() {
			for ctx.Err() == nil {
				var futures []*lambdabatch.Future[string]
				var leaves []context.CancelFunc
				for i := range 500 {
					text := fmt.Sprint("text ", n, i)
					if rand.IntN(2000) == 0 {
						text = "poison"
					}
					of, leave := context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(60_000))*time.Millisecond)
					leaves = append(leaves, leave)
					futures = append(futures, b.Submit(of, text))
					if rand.IntN(100) == 0 {
						leave()
					}
				}
				submitted.Add(int64(len(futures)))
				for i, f := range futures {
					value, err := f.Await(t.Context())
					switch {
					case err == nil:
						succeeded.Add(1)
						assert.Equal(t, fmt.Sprint("TEXT ", n, i), value)
					case len(f.Attempts()) == 0 && errors.Is(err, context.Canceled):
						refused.Add(1) // perhaps before it was taken in
					default:
						failed.Add(1)
					}
					leaves[i]()
				}
			}
		})
	}
	var memory []uint64
	var goroutines []int
	for range 10 {
		time.Sleep(*soak / 10)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		memory, goroutines = append(memory, m.HeapAlloc>>10), append(goroutines, runtime.NumGoroutine())
	}
	all.Wait()
	require.NoError(t, b.Flush(t.Context())) // Stats count a record right after its future is done
	st := b.Stats()
	t.Logf("%d records: %d succeeded, %d failed, %d left; %d dead letters; %d invocations, %d throttled, %d connections",
		submitted.Load(), succeeded.Load(), failed.Load(), refused.Load(), buried.Load(), st.Invocations, st.Throttled(), connections.Load())
	t.Logf("memory in KB %v, goroutines %v", memory, goroutines)
	assert.Equal(t, submitted.Load(), succeeded.Load()+failed.Load()+refused.Load())
	assert.Equal(t, uint64(submitted.Load()), st.Submitted)
	assert.Equal(t, uint64(succeeded.Load()), st.Succeeded)
	assert.Zero(t, st.Waiting+st.InFlight)
	require.NoError(t, b.Close()) // waits for invocations, too, that their records have left
	assert.Zero(t, b.Stats().InvocationsInFlight)
	assert.GreaterOrEqual(t, buried.Load(), failed.Load())
	assert.LessOrEqual(t, buried.Load(), failed.Load()+refused.Load())
	assert.NotZero(t, succeeded.Load())
	if *soak >= time.Minute {
		early, late := memory[1:5], memory[6:]
		assert.Less(t, least(late), 2*most(early), "memory grows")
	}
}

func least(all []uint64) uint64 {
	low := all[0]
	for _, n := range all {
		low = min(low, n)
	}
	return low
}

func most(all []uint64) uint64 {
	high := all[0]
	for _, n := range all {
		high = max(high, n)
	}
	return high
}

// spoil has one thing after the other go wrong.
func spoil(ctx context.Context, s *lambdatest.Service) {
	effects := []lambdatest.Effect{
		lambdatest.Throttle(callerRate), lambdatest.ThrottleAfter(callerRate, time.Second), lambdatest.ServerError(500, ""),
		lambdatest.ServerError(502, "<html>"), lambdatest.ResetBefore(), lambdatest.ResetAfter(), lambdatest.Truncated(),
		lambdatest.BlackHole(), lambdatest.Unhandled("E", "boom"), lambdatest.Exited(), lambdatest.TimedOut(), lambdatest.Respond([]byte("null")),
		lambdatest.Latency(50 * time.Millisecond), lambdatest.Status(409, "ResourceConflictException", "pending"),
	}
	for ctx.Err() == nil {
		fault := s.Fault(effects[rand.IntN(len(effects))], lambdatest.Count(1+rand.IntN(3)))
		time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond)
		fault.Remove()
	}
}
