package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// A permission that is lost on the way ends the Run, whichever it is: to go on would write results again and again.
func TestALostPermissionEndsTheRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation string
		body      string
		want      string
	}{
		"to delete":         {"DeleteMessageBatch", "order", "the permission sqs:DeleteMessage is missing"},
		"to make visible":   {"ChangeMessageVisibilityBatch", "again", "the permission sqs:ChangeMessageVisibility is missing"},
		"to hold":           {"ChangeMessageVisibilityBatch", "slow", "the permission sqs:ChangeMessageVisibility is missing"},
		"to send a letter":  {"SendMessageBatch", "bad", "the permission sqs:SendMessage is missing"},
		"the queue is gone": {"DeleteMessageBatch", "order", "there is no such queue"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				if test.body == "slow" {
					slowly(w, 15*time.Second)
				}
				q, dead := w.sqs.Queue("orders", sqstest.VisibilityTimeout(20*time.Second)), w.sqs.Queue("dead")
				var log logged
				p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxAttempts(1)), sqsbatch.WithDeadLetterQueue(dead.URL()), log.option())
				r := start(t, p)
				time.Sleep(time.Minute)
				effect := sqstest.AccessDenied()
				if strings.Contains(test.want, "no such queue") {
					effect = sqstest.Refuse(400, "QueueDoesNotExist", "gone")
				}
				w.sqs.Fault(effect, sqstest.OnOperation(test.operation))
				ids := q.Send(test.body)
				err := <-r.done
				r.stop()
				require.ErrorContains(t, err, test.want)
				if test.operation == "SendMessageBatch" {
					require.ErrorContains(t, err, fmt.Sprintf("WithDeadLetterQueue(%q)", dead.URL()))
				}
				if test.operation != "ChangeMessageVisibilityBatch" { // the result was written, and it comes again
					var left *sqsbatch.LeftError
					require.ErrorAs(t, err, &left)
					assert.Equal(t, ids, left.IDs)
				}
				s := p.Stats()
				assert.Equal(t, []uint64{0, 0}, []uint64{s.LostVisibility, s.Dead})
				assert.Empty(t, log.lost())
				balanced(t, s)
			})
		})
	}
}

// A message counts as dead when it is among the dead letters, not each time that sending it fails.
func TestADeadMessageCountsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
		q.Send("undecodable")
		w.sqs.Fault(sqstest.FailEntries("InvalidMessageContents", true, nil), sqstest.OnOperation("SendMessageBatch"), sqstest.Count(3))
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()),
			sqsbatch.WithDecode(func(sqsbatch.Message) (string, error) { return "", assert.AnError }))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		s := p.Stats()
		assert.Equal(t, []uint64{1, 1, 1, 3}, []uint64{s.Dead, s.Undecodable, s.DeadLetters, s.Retried})
	})
}

// Run waits for a result function that ignores its context, and then deletes its message after all.
func TestAResultAfterTheGraceTimeCounts(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{5 * time.Second, 45 * time.Second, 10 * time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				q := w.sqs.Queue("orders")
				q.Send("order")
				p, err := sqsbatch.New(w.sqs.Client(), q.URL(), w.batcher(t), sqsbatch.WithGrace(time.Second),
					sqsbatch.WithResult(func(context.Context, sqsbatch.Message, string, error) error {
						time.Sleep(late)
						return nil
					}))
				require.NoError(t, err)
				r := start(t, p)
				time.Sleep(2 * time.Second)
				require.NoError(t, r.end())
				assert.Zero(t, q.Len())
				assert.Equal(t, uint64(1), p.Stats().Deleted)
				balanced(t, p.Stats())
			})
		})
	}
}

// Its result was written, and SQS cannot be told: who runs the process must know.
func TestAResultThatCannotBeFollowedByADeletionIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		ids := q.Send("order")
		p, err := sqsbatch.New(w.sqs.Client(), q.URL(), w.batcher(t), sqsbatch.WithGrace(time.Second),
			sqsbatch.WithResult(func(context.Context, sqsbatch.Message, string, error) error {
				time.Sleep(5 * time.Second)
				return nil
			}))
		require.NoError(t, err)
		r := start(t, p)
		time.Sleep(2 * time.Second)
		w.sqs.Fault(sqstest.LoseRequest(), sqstest.OnOperation("DeleteMessageBatch"))
		var left *sqsbatch.LeftError
		require.ErrorAs(t, r.end(), &left)
		assert.Equal(t, ids, left.IDs)
		assert.Equal(t, uint64(1), p.Stats().LostVisibility)
		balanced(t, p.Stats())
	})
}

// The first of a group is in the function when the grace time is over. Nobody else may have the group before that has ended.
func TestAGroupStaysHeldWhileItsInvocationRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		var events []string
		running := 0
		w.lambda.Handle(function, lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
			mu.Lock()
			running++
			assert.Equal(t, 1, running)
			first := len(events) == 0
			events = append(events, string(data))
			mu.Unlock()
			if first {
				time.Sleep(15 * time.Second)
			}
			mu.Lock()
			running--
			mu.Unlock()
			return "done", nil
		}), lambdatest.Timeout(invocationTimeout))
		q := w.sqs.Queue("orders.fifo", sqstest.VisibilityTimeout(20*time.Minute))
		ids := q.SendGroup("g", "1", "2", "3")
		began := time.Now()
		second := w.pipeline(t, q, w.batcher(t))
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithGrace(2*time.Second))
		r := start(t, p)
		time.Sleep(3 * time.Second)
		r2 := start(t, second)
		var left *sqsbatch.LeftError
		require.ErrorAs(t, r.end(), &left)
		assert.Equal(t, ids, left.IDs)
		assert.Equal(t, []uint64{1, 2}, []uint64{p.Stats().Retried, p.Stats().Returned})
		drained(t, q)
		require.NoError(t, r2.end())
		assert.Equal(t, []string{`"1"`, `"1"`, `"2"`, `"3"`}, events)
		assert.Less(t, time.Since(began), time.Minute) // and not the 20 minutes of the queue
		balanced(t, p.Stats())
	})
}

// impatient is a client whose first connection breaks after a second, while the function goes on.
type impatient struct {
	lambdabatch.Invoker
	calls atomic.Int64
}

func (c *impatient) Invoke(ctx context.Context, in *lambda.InvokeInput, opts ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if c.calls.Add(1) > 1 {
		return c.Invoker.Invoke(ctx, in, opts...)
	}
	go func() { _, _ = c.Invoker.Invoke(context.WithoutCancel(ctx), in) }()
	time.Sleep(time.Second)
	return nil, errors.New("connection reset by peer")
}

// A Batcher that does not repeat what may have been executed leaves that to the queue, and there the group waits until the invocation must be over.
func TestAGroupWaitsForAnInvocationThatWasLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		running := 0
		var mu sync.Mutex
		w.lambda.Handle(function, lambdatest.PerRecord(func(context.Context, string, json.RawMessage) (any, error) {
			mu.Lock()
			running++
			assert.Equal(t, 1, running)
			mu.Unlock()
			time.Sleep(15 * time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return "done", nil
		}), lambdatest.Timeout(invocationTimeout))
		q := w.sqs.Queue("orders.fifo")
		q.SendGroup("g", "1", "2")
		b, err := lambdabatch.New[string, string](&impatient{Invoker: w.lambda.Client()}, function,
			lambdabatch.WithInvocationTimeout(invocationTimeout), lambdabatch.WithRetryUncertain(false))
		require.NoError(t, err)
		defer b.Close()
		r := start(t, w.pipeline(t, q, b))
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"1", "2"}, w.order)
		assert.Equal(t, 3, w.lambda.Counts().Requests)
	})
}

// Messages that wait for one that fails use up deliveries. That must not make them fail for good.
func TestHeldMessagesAreNotAtFault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		tries := map[string]int{}
		w.lambda.Handle(function, lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			tries[string(data)]++
			if n := tries[string(data)]; string(data) == `"poison"` || string(data) == `"second"` && n <= 2 {
				return nil, lambdatest.RetryAfter(0)
			}
			return "done", nil
		}))
		q, dead := w.sqs.Queue("orders.fifo"), w.sqs.Queue("dead.fifo")
		q.SendGroup("g", "poison", "second", "third")
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxAttempts(1)), sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithMaxReceives(4))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, map[string]int{`"poison"`: 4, `"second"`: 3, `"third"`: 1}, tries)
		require.Equal(t, 1, dead.Len())
		assert.Equal(t, "poison", dead.Messages()[0].Body)
	})
}

// Nor must an outage of Lambda or of the database: the first real failure after it is the first one.
func TestAnOutageIsNotTheMessagesFault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
		down := w.lambda.Fault(lambdatest.Status(403, "AccessDeniedException", "no"))
		q.Send("again")
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithMaxAttempts(1)), sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithMaxReceives(3))
		r := start(t, p)
		time.Sleep(time.Hour)
		assert.Greater(t, q.Messages()[0].Receives, 3)
		down.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		assert.Zero(t, dead.Len())
		assert.Equal(t, []string{"AGAIN"}, w.values["again"])
	})
}

// t.FailNow of a test ends the goroutine of a result function. What that held must not be held for ever.
func TestUserCodeThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"result", "decode"} {
		t.Run(where, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				q := w.sqs.Queue("orders.fifo")
				q.SendGroup("g", "exit", "next")
				var log logged
				exits := 3
				exit := func(at, body string) {
					if at == where && body == "exit" && exits > 0 {
						exits--
						runtime.Goexit()
					}
				}
				p, err := sqsbatch.New(w.sqs.Client(), q.URL(), w.batcher(t), log.option(), sqsbatch.WithMaxInFlight(2),
					sqsbatch.WithDecode(func(m sqsbatch.Message) (string, error) {
						exit("decode", m.Body)
						return m.Body, nil
					}),
					sqsbatch.WithResult(func(ctx context.Context, m sqsbatch.Message, out string, err error) error {
						exit("result", m.Body)
						return w.result(ctx, m, out, err)
					}))
				require.NoError(t, err)
				r := start(t, p)
				drained(t, q)
				require.NoError(t, r.end())
				s := p.Stats()
				assert.Equal(t, []string{"exit", "next"}, w.order)
				assert.Equal(t, []uint64{3, 3, 2}, []uint64{s.Retried, s.Returned, s.Deleted})
				assert.Zero(t, s.InFlight)
				assert.Contains(t, log.String(), "runtime.Goexit")
				balanced(t, s)
			})
		})
	}
}

// Why nothing is received must not need a debugger.
func TestReasonsAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("secret", 50)...)
		w.failing = func(string) error { return fmt.Errorf("the database is down") }
		var log logged
		r := start(t, w.pipeline(t, q, w.batcher(t), log.option()))
		time.Sleep(10 * time.Second)
		assert.Contains(t, log.String(), "level=WARN")
		assert.Contains(t, log.String(), "the database is down")
		w.mu.Lock()
		w.failing = nil
		w.mu.Unlock()
		drained(t, q)
		require.NoError(t, r.end())
		pauses := strings.Count(log.String(), "the database is down")
		assert.Less(t, pauses, 8)
		assert.NotContains(t, log.String(), "secret")
	})
}

func TestPanicsAreLoggedWithTheirStack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
		q.Send(bodies("order", 100)...)
		var log logged
		p := w.pipeline(t, q, w.batcher(t), log.option(), sqsbatch.WithDeadLetterQueue(dead.URL()),
			sqsbatch.WithDecode(func(sqsbatch.Message) (string, error) { panicking(); return "", nil }))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Contains(t, log.String(), "level=ERROR")
		assert.Contains(t, log.String(), "panic in the decode function: a bug")
		assert.Contains(t, log.String(), "sqsbatch_test.panicking")
		assert.Less(t, strings.Count(log.String(), "level=ERROR"), 10)
	})
}

func panicking() { panic("a bug") }

// What closed it before the Run is all there is to tell.
func TestAClosedBatcherIsOneError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		b := w.batcher(t)
		require.NoError(t, b.Close())
		err := w.pipeline(t, q, b).Run(t.Context())
		require.ErrorContains(t, err, "the Batcher was closed")
		assert.NotContains(t, err.Error(), "grace time")
	})
}
