package lambdabatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// letters are the dead letters that were written.
type letters struct {
	mu  sync.Mutex
	all []lambdabatch.DeadLetter
}

func (l *letters) add(_ context.Context, letter lambdabatch.DeadLetter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, letter)
	return nil
}

func (l *letters) seen() []lambdabatch.DeadLetter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

type contextKey struct{}

func TestDeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.TenantIsolation())
		s.Fault(lambdatest.Latency(time.Second))
		s.Fault(lambdatest.ServerError(500, ""), lambdatest.Count(1))
		s.Fault(lambdatest.Respond([]byte(`{"results":[{"id":"a","status":"failure","error":{"type":"T","message":"no"}}]}`)))
		var l letters
		var f *lambdabatch.Future[string]
		submitted := make(chan struct{})
		b := newBatcher(t, s.Client(), immediately(), lambdabatch.WithDeadLetter(func(ctx context.Context, letter lambdabatch.DeadLetter) error {
			assert.Equal(t, "value", ctx.Value(contextKey{}), "the record's context")
			assert.NoError(t, ctx.Err())
			<-submitted
			select {
			case <-f.Done():
				t.Error("the future is done before the dead letter is written")
			default:
			}
			return l.add(ctx, letter)
		}))
		start := time.Now()
		f = b.Submit(context.WithValue(t.Context(), contextKey{}, "value"), `<a&"b">`, lambdabatch.ID("a"), lambdabatch.Tenant("red"))
		close(submitted)
		_, err := f.Await(t.Context())
		require.Error(t, err)
		require.Len(t, l.seen(), 1)
		letter := l.seen()[0]
		assert.Equal(t, lambdabatch.DeadLetter{
			Function: upper, Tenant: "red", ID: "a", Payload: []byte(`"<a&\"b\">"`), Err: err, Certainty: lambdabatch.Executed,
			Attempts: f.Attempts(), Submitted: start, Ended: letter.Ended,
		}, letter)
		assert.Len(t, letter.Attempts, 2)
		assert.Equal(t, 2010*time.Millisecond, letter.Ended.Sub(start))
	})
}

// Whatever ends a record that was taken in makes a dead letter of it, once. What is
// refused at the door does not.
func TestWhatBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	type batcher = *lambdabatch.Batcher[string, string]
	for name, test := range map[string]struct {
		fault   lambdatest.Effect
		options []lambdabatch.Option
		run     func(t *testing.T, b batcher)
		letters int
	}{
		"success": {run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a") }},
		"function error": {
			fault: lambdatest.Exited(), letters: 1,
			run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a") },
		},
		"permanent": {
			fault: lambdatest.Status(404, "ResourceNotFoundException", ""), letters: 2,
			run: func(t *testing.T, b batcher) {
				f := b.Submit(t.Context(), "a")
				_, _ = b.Do(t.Context(), "b")
				<-f.Done()
			},
		},
		"no result": {
			fault: lambdatest.Respond([]byte("null")), letters: 1,
			run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a") },
		},
		"data that does not fit": {
			fault: lambdatest.Respond([]byte(`{"results":[{"id":"a","status":"success","data":1}]}`)), letters: 1,
			run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a", lambdabatch.ID("a")) },
		},
		"delivery timeout": {
			fault: lambdatest.Throttle(callerRate), letters: 1, options: []lambdabatch.Option{lambdabatch.WithDeliveryTimeout(time.Minute)},
			run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a") },
		},
		"context": {
			fault: lambdatest.Latency(time.Minute), letters: 1,
			run: func(t *testing.T, b batcher) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, _ = b.Do(ctx, "a")
			},
		},
		"shutdown": {
			fault: lambdatest.Latency(time.Minute), letters: 2, options: []lambdabatch.Option{lambdabatch.WithMaxRecords(1)},
			run: func(t *testing.T, b batcher) {
				b.Submit(t.Context(), "a")
				b.Submit(t.Context(), "b")
				require.Error(t, b.Shutdown(ended()))
			},
		},
		"panic in a hook": {
			letters: 1, options: []lambdabatch.Option{lambdabatch.WithHooks(lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { panic("no") }})},
			run: func(t *testing.T, b batcher) { _, _ = b.Do(t.Context(), "a") },
		},
		"Goexit in a hook": {
			letters: 1, options: []lambdabatch.Option{lambdabatch.WithHooks(lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { runtime.Goexit() }})},
			run: func(t *testing.T, b batcher) {
				_, err := b.Do(t.Context(), "a")
				require.ErrorContains(t, err, "runtime.Goexit")
			},
		},
		"refused at the door": {
			fault:   lambdatest.Latency(time.Second), // for so long the buffer is full
			options: []lambdabatch.Option{lambdabatch.WithMaxBytes(100), lambdabatch.WithMaxBuffered(1, 1000), lambdabatch.WithFailFast(), lambdabatch.WithLinger(time.Hour)},
			run: func(t *testing.T, b batcher) {
				_, err := b.Do(t.Context(), string(make([]byte, 1000)))
				require.ErrorIs(t, err, lambdabatch.ErrRecordTooLarge)
				_, err = b.Do(t.Context(), "a", lambdabatch.ID(""))
				require.Error(t, err)
				_, err = b.Do(ended(), "a")
				require.ErrorIs(t, err, context.Canceled)
				b.Submit(t.Context(), "a")
				_, err = b.Do(t.Context(), "b")
				require.ErrorIs(t, err, lambdabatch.ErrBufferFull)
				require.NoError(t, b.Close())
				_, err = b.Do(t.Context(), "b")
				require.ErrorIs(t, err, lambdabatch.ErrClosed)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				if test.fault.String() != "" {
					s.Fault(test.fault)
				}
				var l letters
				b := newBatcher(t, s.Client(), append(test.options, lambdabatch.WithDeadLetter(l.add))...)
				test.run(t, b)
				assert.Len(t, l.seen(), test.letters)
				require.NoError(t, b.Close())
				assert.Len(t, l.seen(), test.letters)
			})
		})
	}
}

// What goes wrong with a dead letter is in the record's error, beside its own.
func TestDeadLettersThatFail(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for name, f := range map[string]func(context.Context, lambdabatch.DeadLetter) error{
		"the disk is full": func(context.Context, lambdabatch.DeadLetter) error { return full },
		"panic in the dead letter function: the disk is full": func(context.Context, lambdabatch.DeadLetter) error { panic(full) },
		"context deadline exceeded": func(ctx context.Context, _ lambdabatch.DeadLetter) error {
			<-ctx.Done()
			return fmt.Errorf("%w: %w", ctx.Err(), full)
		},
		"what another Batcher says": func(context.Context, lambdabatch.DeadLetter) error {
			return &lambdabatch.InvokeError{Certainty: lambdabatch.NotExecuted, Err: fmt.Errorf("what another Batcher says: %w", full)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(lambdatest.Exited())
				b := newBatcher(t, s.Client(), lambdabatch.WithDeadLetter(f))
				start := time.Now()
				_, err := b.Do(t.Context(), "a")
				require.ErrorIs(t, err, full)
				require.ErrorContains(t, err, name)
				var failed *lambdabatch.FunctionError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
				assert.LessOrEqual(t, time.Since(start), 30*time.Second+10*time.Millisecond)
			})
		})
	}
}

func TestGoexitInADeadLetter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Exited())
		b := newBatcher(t, s.Client(), lambdabatch.WithDeadLetter(func(context.Context, lambdabatch.DeadLetter) error {
			runtime.Goexit()
			return nil
		}))
		for range 3 {
			_, err := b.Do(t.Context(), "a")
			require.ErrorContains(t, err, "runtime.Goexit")
			var failed *lambdabatch.FunctionError
			require.ErrorAs(t, err, &failed)
		}
		require.NoError(t, b.Close())
	})
}

// However many records are given up at a time, 64 dead letters are written at once.
func TestDeadLettersAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Exited())
		var mu sync.Mutex
		writing, most, written := 0, 0, 0
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(1), lambdabatch.WithDeadLetter(func(context.Context, lambdabatch.DeadLetter) error {
			mu.Lock()
			writing++
			most = max(most, writing)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			writing--
			written++
			mu.Unlock()
			return nil
		}))
		start := time.Now()
		for range 150 {
			b.Submit(t.Context(), "a")
		}
		require.NoError(t, b.Flush(t.Context()))
		assert.Equal(t, 150, written)
		assert.Equal(t, 64, most)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

// Dead letters that take their time do not hold up the other records of the batch,
// nor each other; and they keep their room in the buffer.
func TestDeadLettersThatTakeTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Respond([]byte(`{"results":[{"id":"a","status":"failure"},{"id":"b","status":"success","data":1},{"id":"c","status":"success","data":"C"}]}`)), lambdatest.Count(1))
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(3), lambdabatch.WithMaxBuffered(3, 1000), lambdabatch.WithRetryUncertain(false),
			lambdabatch.WithDeadLetter(func(context.Context, lambdabatch.DeadLetter) error {
				time.Sleep(time.Second)
				return nil
			}))
		start := time.Now()
		one, two := b.Submit(t.Context(), "a", lambdabatch.ID("a")), b.Submit(t.Context(), "b", lambdabatch.ID("b"))
		_, err := b.Do(t.Context(), "c", lambdabatch.ID("c"))
		require.NoError(t, err)
		assert.Zero(t, time.Since(start))
		<-one.Done()
		<-two.Done()
		assert.Equal(t, time.Second, time.Since(start))

		s.Fault(lambdatest.Exited(), lambdatest.Count(1))
		for range 3 {
			b.Submit(t.Context(), "a")
		}
		<-b.Submit(t.Context(), "waits for room").Done()
		assert.Equal(t, 2*time.Second, time.Since(start))
	})
}
