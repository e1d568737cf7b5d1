package lambdabatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestHooks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, slow(shout, time.Second))
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(1))
		type key struct{}
		var mu sync.Mutex
		var seen []string
		see := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf(format, args...))
		}
		b := newBatcher(t, s.Client(), constantly(time.Second), lambdabatch.WithHooks(lambdabatch.Hooks{
			Sealed: func(e lambdabatch.SealedEvent) {
				see("sealed %s %s %d %d %v", e.Function, e.Tenant, e.Records, e.Bytes, e.Reason)
			},
			Invoking: func(ctx context.Context, e lambdabatch.InvokingEvent) context.Context {
				see("invoking %s %d %d", e.Function, e.Records, e.Bytes)
				return context.WithValue(ctx, key{}, "span")
			},
			Invoked: func(ctx context.Context, e lambdabatch.InvokedEvent) {
				see("invoked %v %s %d %v %t %s %v err=%t ok=%d", ctx.Value(key{}), e.Function, e.Records, e.Certainty, e.Throttled, e.Reason, e.Duration, e.Err != nil, e.Succeeded)
				assert.NotEmpty(t, e.RequestID)
			},
			Retried: func(e lambdabatch.RetriedEvent) {
				see("retried %s %v err=%t", e.ID, e.Delay, e.Err != nil)
			},
			Resolved: func(e lambdabatch.ResolvedEvent) {
				see("resolved %s %d %v", e.ID, e.Attempts, e.Err)
			},
		}), lambdabatch.WithHooks(lambdabatch.Hooks{
			Invoking: func(ctx context.Context, _ lambdabatch.InvokingEvent) context.Context {
				assert.Equal(t, "span", ctx.Value(key{}), "of the hooks before")
				return nil
			},
		}))
		_, err := b.Do(t.Context(), "a", lambdabatch.ID("1"))
		require.NoError(t, err)
		assert.Equal(t, []string{
			"sealed upper  1 35 linger",
			"invoking upper 1 35",
			"invoked span upper 1 not executed true CallerRateLimitExceeded 0s err=true ok=0",
			"retried 1 1s err=true",
			"sealed upper  1 35 linger",
			"invoking upper 1 35",
			"invoked span upper 1 executed false  1s err=false ok=1",
			"resolved 1 2 <nil>",
		}, seen)
	})
}

// A record that has left early is not said to be retried.
func TestRetriedIsNotForThoseWhoLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, slow(shout, time.Second))
		s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
		var retried []string
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithHooks(lambdabatch.Hooks{
			Retried: func(e lambdabatch.RetriedEvent) { retried = append(retried, e.ID) },
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		stays := b.Submit(t.Context(), "a", lambdabatch.ID("stays"))
		b.Submit(ctx, "b", lambdabatch.ID("leaves"))
		_, err := stays.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"stays"}, retried)
		assert.Equal(t, uint64(1), b.Stats().Retried)
	})
}

// A hook that panics fails the records it was told of, and no other.
func TestHooksThatPanic(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hooks     lambdabatch.Hooks
		certainty lambdabatch.Certainty
		sent      int
	}{
		"sealed":   {lambdabatch.Hooks{Sealed: func(lambdabatch.SealedEvent) { panic("sealed") }}, lambdabatch.NotExecuted, 0},
		"invoking": {lambdabatch.Hooks{Invoking: func(context.Context, lambdabatch.InvokingEvent) context.Context { panic("invoking") }}, lambdabatch.NotExecuted, 0},
		"invoked":  {lambdabatch.Hooks{Invoked: func(context.Context, lambdabatch.InvokedEvent) { panic("invoked") }}, lambdabatch.Executed, 1},
		"resolved": {lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { panic("resolved") }}, lambdabatch.Executed, 1},
		"retried":  {lambdabatch.Hooks{Retried: func(lambdabatch.RetriedEvent) { panic("retried") }}, lambdabatch.NotExecuted, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				if name == "retried" {
					s.Fault(lambdatest.Throttle(callerRate))
				}
				b := newBatcher(t, s.Client(), lambdabatch.WithHooks(test.hooks))
				_, err := b.Do(t.Context(), "a")
				require.ErrorContains(t, err, "panic in a hook: "+name)
				require.ErrorContains(t, err, "hooks_test.go", "the stack")
				assert.Equal(t, test.certainty, lambdabatch.CertaintyOf(err))
				assert.Len(t, s.Invocations(), test.sent)
				st := b.Stats()
				assert.Zero(t, st.Waiting+st.InFlight)
			})
		})
	}
}

// The log says what happens to batches, and nothing of what is in them.
func TestLogger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(1))
		s.Fault(lambdatest.ServerError(500, "secret"), lambdatest.Count(1))
		s.Fault(lambdatest.Respond([]byte(`{"results":[{"id":"secret"}]}`)), lambdatest.Count(1))
		s.Fault(lambdatest.Unhandled("secret", "secret"), lambdatest.Count(1))
		s.Fault(lambdatest.Respond([]byte(`"secret"`)), lambdatest.Count(1))
		var log bytes.Buffer
		b := newBatcher(t, s.Client(), lambdabatch.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == "request_id" || a.Key == "duration" {
					return slog.Attr{}
				}
				return a
			},
		}))))
		for range 4 {
			_, _ = b.Do(t.Context(), "secret")
		}
		assert.NotContains(t, log.String(), "secret")
		for _, line := range []string{
			`level=DEBUG msg="lambdabatch: batch sealed" function=upper tenant="" records=1 bytes=`,
			`level=INFO msg="lambdabatch: invocation throttled" function=upper tenant="" records=1 reason=CallerRateLimitExceeded`,
			`level=WARN msg="lambdabatch: invocation failed" function=upper tenant="" records=1 certainty="maybe executed" error=`,
			`level=WARN msg="lambdabatch: the function's answer does not match the batch" function=upper tenant="" records=1 succeeded=0 failed=0 retry=0 missing=1 unmatched=1`,
			`level=WARN msg="lambdabatch: invocation failed" function=upper tenant="" records=1 certainty=executed error="the function failed: unhandled error"`,
			`level=DEBUG msg="lambdabatch: invocation answered" function=upper tenant="" records=1 succeeded=1 failed=0 retry=0 missing=0 unmatched=0`,
		} {
			if line[len("level=")] == 'D' && bytes.Contains([]byte(line), []byte("answered")) {
				_, err := b.Do(t.Context(), "fine")
				require.NoError(t, err)
			}
			assert.Contains(t, log.String(), line)
		}
	})
}

func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, slow(shout, time.Second))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxRecords(4))
		for _, text := range texts(6) {
			b.Submit(t.Context(), text)
		}
		b.Submit(t.Context(), "bad", lambdabatch.ID(""))
		time.Sleep(time.Second / 2)
		assert.Equal(t, lambdabatch.Stats{
			Submitted: 7, Failed: 1, Invocations: 1, InvokedRecords: 4, FillRatio: 1,
			Throttles: b.Stats().Throttles, Waiting: 2, InFlight: 4, InvocationsInFlight: 1,
		}, b.Stats())
		require.NoError(t, b.Flush(t.Context()))
		assert.Equal(t, lambdabatch.Stats{
			Submitted: 7, Succeeded: 6, Failed: 1, Invocations: 2, InvokedRecords: 6, FillRatio: 0.75, Throttles: b.Stats().Throttles,
		}, b.Stats())
	})
}

// A success that a hook has spoiled is none: no value comes with the error.
func TestAPanicInResolvedLeavesNoValue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBatcher(t, newService(t).Client(), lambdabatch.WithHooks(lambdabatch.Hooks{
			Resolved: func(lambdabatch.ResolvedEvent) { panic("no") },
		}))
		got, err := b.Do(t.Context(), "a")
		require.Error(t, err)
		assert.Empty(t, got)
		assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
	})
}

type unwilling string

func (*unwilling) UnmarshalJSON([]byte) error {
	return &lambdabatch.InvokeError{Certainty: lambdabatch.NotExecuted, Err: errors.New("from another Batcher")}
}

// What an error says that is wrapped in another does not count.
func TestCertaintyIsTheOutermost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := lambdabatch.New[string, unwilling](newService(t).Client(), upper)
		require.NoError(t, err)
		defer b.Close()
		_, err = b.Do(t.Context(), "a")
		require.ErrorContains(t, err, "from another Batcher")
		assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(fmt.Errorf("wrapped: %w", lambdabatch.ErrClosed)))
		assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(errors.New("not of this package")))
	})
}
