package sqsbatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

func TestAFailureHoldsItsGroup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders.fifo")
		q.SendGroup("a", "a0", "again1", "a2", "a3")
		q.SendGroup("b", "b0", "b1")
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxAttempts(1)))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		var a, b []string
		for _, body := range w.order {
			if body[0] == 'b' {
				b = append(b, body)
			} else {
				a = append(a, body)
			}
		}
		assert.Equal(t, []string{"a0", "again1", "a2", "a3"}, a)
		assert.Equal(t, []string{"b0", "b1"}, b)
		assert.Equal(t, uint64(4), p.Stats().Returned) // a2 and a3, twice
		assert.Equal(t, uint64(2), p.Stats().Retried)
		balanced(t, p.Stats())
	})
}

func TestADeadLetterMakesWayForItsGroup(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead.fifo"), w.sqs.Queue("orders.fifo")
		q.SendGroup("a", "a0", "bad1", "a2")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"a0", "a2"}, w.order)
		require.Len(t, dead.Messages(), 1)
		assert.Equal(t, "a", dead.Messages()[0].Group)
	})
}

// Two messages of the same text are two letters, and one whose answer was lost is not sent twice.
func TestDeadLettersOfGroupsAreNoDuplicates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.sqs.Fault(sqstest.LoseAnswer(), sqstest.OnOperation("SendMessageBatch"), sqstest.Count(1))
		dead, q := w.sqs.Queue("dead.fifo"), w.sqs.Queue("orders.fifo")
		q.SendGroup("a", "bad")
		q.SendGroup("b", "bad")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 2, dead.Len())
	})
}

// Others who use the Batcher can keep out of a group's way, and it of theirs.
func TestAGroupIsAnOrderingKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, 10*time.Second)
		q := w.sqs.Queue("orders.fifo")
		b := w.batcher(t, lambdabatch.WithLinger(0))
		p := w.pipeline(t, q, b)
		r := start(t, p)
		first := b.Submit(t.Context(), "first", lambdabatch.OrderingKey("a"))
		time.Sleep(time.Second)
		q.SendGroup("a", "second")
		drained(t, q)
		require.NoError(t, r.end())
		_, err := first.Await(t.Context())
		require.NoError(t, err)
		all := w.lambda.Invocations()
		require.Len(t, all, 2)
		assert.False(t, all[1].At.Before(all[0].Answered))
	})
}

// Whatever happens, a group's results are written in order, and never are two of a group in the function.
func TestGroupsStayInOrder(t *testing.T) {
	t.Parallel()
	seeds := uint64(300)
	if more, err := strconv.ParseUint(os.Getenv("SQSBATCH_SEEDS"), 10, 64); err == nil {
		seeds = more
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { orderly(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

type step struct{ Group, N int }

func orderly(t *testing.T, random *rand.Rand) {
	t.Helper()
	var mu sync.Mutex // protects following, and dice
	dice := rand.New(rand.NewPCG(random.Uint64(), 1))
	running, written := map[int]int{}, map[int][]int{}
	chance := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		return dice.IntN(n) == 0
	}

	l, s := lambdatest.New(), sqstest.New()
	defer l.Close()
	defer s.Close()
	one := lambdatest.PerRecord(func(_ context.Context, _ string, _ json.RawMessage) (any, error) {
		switch {
		case chance(8):
			return nil, lambdatest.RetryAfter(time.Second)
		case chance(20):
			return nil, assert.AnError
		}
		return "done", nil
	})
	l.Handle(function, func(ctx context.Context, payload []byte) ([]byte, error) {
		var request struct{ Records []struct{ Data step } }
		if err := json.Unmarshal(payload, &request); err != nil {
			return nil, err
		}
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range request.Records {
				if running[r.Data.Group] += by; running[r.Data.Group] > 1 {
					t.Errorf("two of group %d at a time", r.Data.Group)
				}
			}
		}
		count(1)
		defer count(-1)
		mu.Lock()
		took := time.Duration(dice.IntN(3000)) * time.Millisecond
		mu.Unlock()
		time.Sleep(took)
		return one(ctx, payload)
	})
	for _, e := range []lambdatest.Effect{lambdatest.Throttle("CallerRateLimitExceeded"), lambdatest.Exited(), lambdatest.ServerError(500, ""), lambdatest.ResetAfter()} {
		l.Fault(e, lambdatest.Skip(random.IntN(10)), lambdatest.Count(random.IntN(3)))
	}
	half := func(int) bool { return chance(2) }
	for _, e := range []sqstest.Effect{
		sqstest.Throttle(), sqstest.LoseRequest(), sqstest.LoseAnswer(),
		sqstest.FailEntries("InternalError", false, half), sqstest.FailEntries("ReceiptHandleIsInvalid", true, half),
	} {
		s.Fault(e, sqstest.Skip(2+random.IntN(20)), sqstest.Count(random.IntN(3)),
			sqstest.When(func(r sqstest.Request) bool { return r.Operation != "GetQueueAttributes" }))
	}

	q := s.Queue("steps.fifo")
	next := map[int]int{}
	send := func() {
		group := random.IntN(4)
		body, err := json.Marshal(step{group, next[group]})
		require.NoError(t, err)
		q.SendGroup(fmt.Sprint("group", group), string(body))
		next[group]++
	}
	result := func(_ context.Context, m sqsbatch.Message, _ string, err error) error {
		if chance(15) {
			return assert.AnError
		}
		if err != nil {
			return nil // there is no dead-letter queue, so it comes again
		}
		var at step
		if err := json.Unmarshal([]byte(m.Body), &at); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		written[at.Group] = append(written[at.Group], at.N)
		return nil
	}
	newWorker := func() (*worker, *sqsbatch.Pipeline[step, string]) {
		limiter, err := lambdabatch.NewLimiter(lambdabatch.Fixed())
		require.NoError(t, err)
		b, err := lambdabatch.New[step, string](l.Client(), function, lambdabatch.WithLimiter(limiter),
			lambdabatch.WithInvocationTimeout(20*time.Second), lambdabatch.WithMaxRecords(1+random.IntN(8)), lambdabatch.WithMaxAttempts(1+random.IntN(4)))
		require.NoError(t, err)
		p, err := sqsbatch.New(s.Client(), q.URL(), b, sqsbatch.WithResult(result), sqsbatch.WithGrace(time.Hour), sqsbatch.WithBackoff(time.Second, 10*time.Second))
		require.NoError(t, err)
		return &worker{start(t, p), b}, p
	}
	for range random.IntN(20) {
		send()
	}
	first, p1 := newWorker()
	second, p2 := newWorker()
	for range random.IntN(20) {
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		send()
	}
	require.NoError(t, first.end())
	require.NoError(t, first.batcher.Close())
	drained(t, q)
	require.NoError(t, second.end())
	require.NoError(t, second.batcher.Close())
	balanced(t, p1.Stats())
	balanced(t, p2.Stats())
	mu.Lock()
	defer mu.Unlock()
	for group, n := range next {
		at := 0
		for _, got := range written[group] {
			if got == at { // once more, as SQS may deliver it
				continue
			}
			at++
			if got != at {
				t.Errorf("group %d was written in the order %v", group, written[group])
				break
			}
		}
		if n > 0 && at != n-1 {
			t.Errorf("group %d: %d of %d written: %v", group, at+1, n, written[group])
		}
	}
}

// worker is a process.
type worker struct {
	*running
	batcher *lambdabatch.Batcher[step, string]
}
