package lambdabatch_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// durable is a Lambda with upper as a durable function, and what it has executed.
type durable struct {
	*lambdatest.Service
	mu   sync.Mutex
	runs map[string]int
}

func newDurable(t *testing.T) *durable {
	t.Helper()
	d := &durable{Service: newService(t), runs: map[string]int{}}
	d.Handle(upper, slow(func(ctx context.Context, id string, data json.RawMessage) (any, error) {
		d.mu.Lock()
		d.runs[id]++
		n := d.runs[id]
		d.mu.Unlock()
		if texto(data) == "later" && n == 1 {
			return nil, lambdatest.RetryAfter(time.Second)
		}
		return shout(ctx, id, data)
	}, time.Second), lambdatest.Durable())
	return d
}

func (d *durable) names() map[string]bool {
	names := map[string]bool{}
	for _, i := range d.Invocations() {
		names[i.DurableExecutionName] = true
	}
	return names
}

func durably() []lambdabatch.Option {
	return []lambdabatch.Option{
		lambdabatch.WithDurableExecutions(), lambdabatch.WithQualifier("live"), lambdabatch.WithRetryUncertain(false),
		lambdabatch.WithMaxRecords(3), lambdabatch.WithInvocationTimeout(10 * time.Second),
	}
}

// Whatever happens to the answers, each record is executed once, and has its value.
func TestDurableExecutions(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]lambdatest.Effect{
		"answers lost":           lambdatest.ResetAfter(),
		"half answers":           lambdatest.Truncated(),
		"lost before":            lambdatest.ResetBefore(),
		"no answer":              lambdatest.BlackHole(),
		"internal errors":        lambdatest.ServerError(500, ""),
		"throttled":              lambdatest.Throttle(callerRate),
		"no connection":          lambdatest.ConnectionRefused(),
		"something being set up": lambdatest.Status(409, "ResourceConflictException", ""),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := newDurable(t)
				d.Fault(effect, lambdatest.Count(3))
				b := newBatcher(t, d.Client(), durably()...)
				futures := map[string]*lambdabatch.Future[string]{}
				for _, id := range []string{"a", "b", "c"} {
					futures[id] = b.Submit(t.Context(), id, lambdabatch.ID(id))
				}
				// One that comes later does not change what is sent again.
				time.Sleep(time.Millisecond)
				futures["d"] = b.Submit(t.Context(), "d", lambdabatch.ID("d"))
				for id, f := range futures {
					value, err := f.Await(t.Context())
					require.NoError(t, err)
					assert.Equal(t, string(id[0]-'a'+'A'), value)
				}
				assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, d.runs)
				assert.Len(t, d.names(), 2)
			})
		})
	}
}

// A record that leaves stays in the bytes that are sent again, and the others have
// their values.
func TestLeavingADurableExecution(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDurable(t)
		d.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
		b := newBatcher(t, d.Client(), durably()...)
		ctx, leave := context.WithCancel(t.Context())
		gone, stays := b.Submit(ctx, "a", lambdabatch.ID("a")), b.Submit(t.Context(), "b", lambdabatch.ID("b"))
		time.Sleep(1010 * time.Millisecond)
		leave()
		_, err := gone.Await(t.Context())
		require.ErrorIs(t, err, context.Canceled)
		value, err := stays.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "B", value)
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, d.runs)
		assert.Len(t, d.names(), 1)
	})
}

// As long as an execution has not begun, who leaves is not in it.
func TestLeavingBeforeADurableExecution(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDurable(t)
		d.Fault(lambdatest.ThrottleAfter(callerRate, 2*time.Second), lambdatest.Count(1))
		b := newBatcher(t, d.Client(), durably()...)
		ctx, leave := context.WithCancel(t.Context())
		gone, stays := b.Submit(ctx, "a", lambdabatch.ID("a")), b.Submit(t.Context(), "b", lambdabatch.ID("b"))
		time.Sleep(time.Second)
		leave()
		_, err := gone.Await(t.Context())
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		value, err := stays.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "B", value)
		assert.Equal(t, map[string]int{"b": 1}, d.runs)
	})
}

// An execution that may have begun is not split up into others, whatever is answered
// then.
func TestADurableExecutionIsNotSplit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDurable(t)
		d.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
		d.Fault(lambdatest.Status(413, "RequestEntityTooLargeException", "no"), lambdatest.Count(1))
		b := newBatcher(t, d.Client(), durably()...)
		one, other := b.Submit(t.Context(), "a", lambdabatch.ID("a")), b.Submit(t.Context(), "b", lambdabatch.ID("b"))
		for _, f := range []*lambdabatch.Future[string]{one, other} {
			_, err := f.Await(t.Context())
			require.Error(t, err)
			assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		}
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, d.runs)
	})
}

// What the function asks for again, and what is split, is another execution.
func TestOtherExecutions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDurable(t)
		b := newBatcher(t, d.Client(), durably()...)
		_, err := b.Do(t.Context(), "later", lambdabatch.ID("a"))
		require.NoError(t, err)
		assert.Equal(t, map[string]int{"a": 2}, d.runs)
		assert.Len(t, d.names(), 2)

		d.Reset()
		wholly(d.Service, "poison", lambdatest.Exited())
		splits := newBatcher(t, d.Client(), append(durably(), lambdabatch.WithRetryUncertain(true))...)
		bad, good := splits.Submit(t.Context(), "poison"), splits.Submit(t.Context(), "text")
		_, err = bad.Await(t.Context())
		var failed *lambdabatch.FunctionError
		require.ErrorAs(t, err, &failed)
		_, err = good.Await(t.Context())
		require.NoError(t, err)
		assert.Len(t, d.names(), 3)
	})
}

func TestDurableNeedsAQualifier(t *testing.T) {
	t.Parallel()
	s := newService(t)
	_, err := lambdabatch.New[string, string](s.Client(), upper, lambdabatch.WithDurableExecutions())
	require.ErrorContains(t, err, `WithDurableExecutions(): function "upper" names no version or alias`)
	for _, function := range []string{"upper:live", "arn:aws:lambda:us-east-1:123456789012:function:upper:7"} {
		b, err := lambdabatch.New[string, string](s.Client(), function, lambdabatch.WithDurableExecutions())
		require.NoError(t, err)
		require.NoError(t, b.Close())
	}
}
