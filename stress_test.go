package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of TestHistories")
	seeds     = flag.Uint64("seeds", 200, "how many seeds TestHistories tries")
)

// TestHistories runs whole lives of Batchers with everything that can go wrong
// going wrong at random, and checks what must hold all the same: each future is
// done, success is what a response said, ceilings are kept, and nothing is
// left.
func TestHistories(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("replay: go test -run TestHistories . -args -seed %d -seeds 1", seed)
				}
			}()
			history(t, rand.New(rand.NewPCG(seed, 0)))
		})
		if t.Failed() {
			return
		}
	}
}

func history(t *testing.T, random *rand.Rand) {
	t.Helper()
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(random.Int64N(int64(high-low)))
	}
	s := lambdatest.New()
	defer s.Close()
	var mu sync.Mutex
	executed := map[string]int{}
	s.Handle(upper, lambdatest.PerRecord(func(_ context.Context, id string, data json.RawMessage) (any, error) {
		mu.Lock()
		executed[id]++
		n := executed[id]
		mu.Unlock()
		switch text := texto(data); {
		case strings.HasPrefix(text, "poison"):
			return nil, errors.New("poison")
		case strings.HasPrefix(text, "later") && n < 3:
			return nil, lambdatest.RetryAfter(time.Second)
		default:
			return strings.ToUpper(text), nil
		}
	}), lambdatest.Timeout(time.Minute))
	// PerRecord takes no time; let each invocation take some.
	s.Fault(lambdatest.Latency(between(1, 500*time.Millisecond)))
	for range random.IntN(6) {
		effect := []lambdatest.Effect{
			lambdatest.Throttle(callerRate), lambdatest.ThrottleAfter(callerRate, 2*time.Second), lambdatest.ServerError(500, ""),
			lambdatest.ServerError(502, "<html>"), lambdatest.ConnectionRefused(), lambdatest.ResetBefore(), lambdatest.ResetAfter(),
			lambdatest.Truncated(), lambdatest.BlackHole(), lambdatest.Unhandled("E", "boom"), lambdatest.Exited(),
			lambdatest.Respond([]byte(`null`)), lambdatest.Respond([]byte(`{"results":[{"id":"r1"},{"id":"r1"},{}]}`)),
			lambdatest.Status(404, "ResourceNotFoundException", "gone"),
		}[random.IntN(14)]
		s.Fault(effect, lambdatest.Skip(random.IntN(5)), lambdatest.Count(1+random.IntN(3)))
	}

	slots, perSecond, burst := 1+random.IntN(4), 1+10*random.Float64(), 1+random.IntN(4)
	limiter := newLimiter(t, lambdabatch.Rate(perSecond, burst), lambdabatch.InFlight(slots))
	maxRecords, maxBytes, maxAttempts := 1+random.IntN(8), 100+random.IntN(300), 1+random.IntN(4)
	uncertain := random.IntN(2) == 0
	options := []lambdabatch.Option{
		lambdabatch.WithLimiter(limiter), lambdabatch.WithMaxRecords(maxRecords), lambdabatch.WithMaxBytes(maxBytes),
		lambdabatch.WithLinger(between(0, 300*time.Millisecond)), lambdabatch.WithMaxBuffered(1+random.IntN(30), 1+random.IntN(4000)),
		lambdabatch.WithMaxAttempts(maxAttempts), lambdabatch.WithRetryUncertain(uncertain),
		lambdabatch.WithInvocationTimeout(5 * time.Second),
	}
	if random.IntN(3) == 0 {
		options = append(options, lambdabatch.WithFailFast())
	}
	if random.IntN(3) == 0 {
		options = append(options, lambdabatch.WithDeliveryTimeout(between(time.Second, 20*time.Second)))
	}
	b, err := lambdabatch.New[string, string](s.Client(), upper, options...)
	require.NoError(t, err)

	ids := []string{}
	futures := map[string]*lambdabatch.Future[string]{}
	texts := map[string]string{}
	var work sync.WaitGroup
	for i := range 1 + random.IntN(60) {
		id := fmt.Sprint("r", i)
		text := []string{"plain ", "plain ", "plain ", "poison ", "later "}[random.IntN(5)] + strings.Repeat("x", random.IntN(60))
		arrive, patience, hasDeadline := between(0, 5*time.Second), between(0, 20*time.Second), random.IntN(3) == 0
		ids = append(ids, id)
		texts[id] = text
		work.Go(func() {
			time.Sleep(arrive)
			ctx := t.Context()
			if hasDeadline {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, patience)
				defer cancel()
			}
			f := b.Submit(ctx, text, lambdabatch.ID(id))
			mu.Lock()
			futures[id] = f
			mu.Unlock()
			<-f.Done()
		})
	}
	if random.IntN(3) == 0 {
		at := between(0, 5*time.Second)
		work.Go(func() {
			time.Sleep(at)
			assert.NoError(t, b.Flush(t.Context()))
		})
	}
	// Sometimes it is shut down in the middle, with little time.
	closing, grace, hasGrace := between(0, 30*time.Second), between(0, 10*time.Second), random.IntN(2) == 0
	time.Sleep(closing)
	ctx := t.Context()
	if hasGrace {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, grace)
		defer cancel()
	}
	if err := b.Shutdown(ctx); err != nil {
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	}
	mu.Lock()
	for id, f := range futures {
		select {
		case <-f.Done():
		default:
			t.Errorf("record %s is not done after Shutdown", id)
		}
	}
	mu.Unlock()
	work.Wait()
	require.NoError(t, b.Close())

	st := b.Stats()
	assert.Zero(t, st.Waiting)
	assert.Zero(t, st.InFlight)
	assert.Zero(t, st.InvocationsInFlight)
	assert.Equal(t, uint64(len(ids)), st.Submitted)
	assert.Equal(t, st.Submitted, st.Succeeded+st.Failed)
	checkInvocations(t, s, slots, maxRecords, maxBytes, perSecond, burst)
	said := successes(s)
	for _, id := range ids {
		checkRecord(t, futures[id], id, texts[id], said, executed[id], maxAttempts, uncertain)
	}
}

// checkInvocations checks what came over the wire.
func checkInvocations(t *testing.T, s *lambdatest.Service, slots, maxRecords, maxBytes int, perSecond float64, burst int) {
	t.Helper()
	var starts []time.Duration
	epoch := time.Now()
	for _, i := range s.Invocations() {
		starts = append(starts, i.At.Sub(epoch))
		assert.LessOrEqual(t, len(i.Payload), maxBytes)
		assert.LessOrEqual(t, len(i.Records()), maxRecords)
		inBatch := map[string]bool{}
		for _, r := range i.Records() {
			assert.False(t, inBatch[r.ID])
			inBatch[r.ID] = true
		}
	}
	withinRate(t, starts, perSecond, burst)
	// Lambda goes on with what a client has given up: only without that is this number the limiter's.
	givenUp := false
	for _, i := range s.Invocations() {
		givenUp = givenUp || i.Fault != "" && !strings.HasPrefix(i.Fault, "Latency") || i.Status == 0
	}
	if !givenUp {
		assert.LessOrEqual(t, s.MaxInFlight(), slots)
	}
}

// successes are the values that responses gave, by ID.
func successes(s *lambdatest.Service) map[string]string {
	said := map[string]string{}
	for _, i := range s.Invocations() {
		var response struct {
			Results []struct {
				ID, Status string
				Data       string
			}
		}
		if json.Unmarshal(i.Response, &response) != nil {
			continue
		}
		for _, r := range response.Results {
			if r.Status == "success" {
				said[r.ID] = r.Data
			}
		}
	}
	return said
}

func checkRecord(t *testing.T, f *lambdabatch.Future[string], id, text string, said map[string]string, executed, maxAttempts int, uncertain bool) {
	t.Helper()
	got, err := f.Await(ended())
	attempts := f.Attempts()
	counted, ran := 0, 0
	for i, a := range attempts {
		if a.Certainty != lambdabatch.NotExecuted {
			ran++
		}
		var refused *lambdabatch.RecordError
		if a.Certainty == lambdabatch.MaybeExecuted && !uncertain {
			assert.Equal(t, len(attempts)-1, i, "record %s was sent again although it may have run", id)
		}
		var failed *lambdabatch.FunctionError
		split := a.BatchSize > 1 && errors.As(a.Err, &failed) && uncertain
		if !split && (errors.As(a.Err, &refused) || a.Certainty != lambdabatch.NotExecuted) {
			counted++
		}
	}
	assert.LessOrEqual(t, counted, maxAttempts, "record %s", id)
	assert.LessOrEqual(t, executed, ran, "record %s ran more often than its attempts tell", id)
	if err == nil {
		assert.Equal(t, said[id], got)
		assert.Equal(t, strings.ToUpper(text), got)
		return
	}
	if executed > 0 {
		assert.NotEqual(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err), "record %s: %v", id, err)
	}
	if len(attempts) == 0 {
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err), "record %s: %v", id, err)
	}
}
