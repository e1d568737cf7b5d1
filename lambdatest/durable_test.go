package lambdatest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// durable is the invocation of a durable execution of f:1.
func durable(name, payload string) *lambda.InvokeInput {
	return &lambda.InvokeInput{FunctionName: aws.String("f:1"), DurableExecutionName: &name, Payload: []byte(payload)}
}

// counted answers how often it was called. It takes d.
func counted(d time.Duration) lambdatest.Function {
	calls := make(chan int, 1)
	calls <- 0
	return func(ctx context.Context, _ []byte) ([]byte, error) {
		n := <-calls + 1
		calls <- n
		lambdatest.Logf(ctx, "call %d", n)
		time.Sleep(d)
		return fmt.Append(nil, n), nil
	}
}

func TestDurableRunsOnce(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", counted(0), lambdatest.Durable())
		client := connect(t, s)
		in := durable("once", `{"a":1}`)
		in.LogType = types.LogTypeTail
		first, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)
		assert.Equal(t, "1", string(first.Payload))
		assert.NotEmpty(t, first.LogResult)
		assert.Regexp(t, `^arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/once/[0-9a-f-]{36}$`, *first.DurableExecutionArn)

		in.FunctionName = aws.String("f:live") // stands for 1, too
		again, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)
		assert.Equal(t, "1", string(again.Payload))
		assert.Equal(t, first.DurableExecutionArn, again.DurableExecutionArn)
		assert.Equal(t, first.ExecutedVersion, again.ExecutedVersion)
		assert.Nil(t, again.LogResult, "it has no log of its own")

		other, err := client.Invoke(t.Context(), durable("other", `{"a":1}`))
		require.NoError(t, err)
		assert.Equal(t, "2", string(other.Payload))
		for n := range 2 {
			unnamed, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:$LATEST")})
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint(3+n), string(unnamed.Payload))
			assert.Contains(t, *unnamed.DurableExecutionArn, ":function:f:$LATEST/durable-execution/")
		}

		seen := s.Invocations()
		assert.Equal(t, "once", seen[1].DurableExecutionName)
		assert.Equal(t, []bool{false, true, false, false, false}, each(seen, func(i lambdatest.Invocation) bool { return i.Reattached }))
		assert.Equal(t, []bool{true, false, true, true, true}, each(seen, func(i lambdatest.Invocation) bool { return i.Executed }))
		assert.Equal(t, "1", string(seen[1].Response))
		assert.Zero(t, seen[1].Duration)
		assert.True(t, seen[1].Admitted)
	})
}

func each[T any](seen []lambdatest.Invocation, f func(lambdatest.Invocation) T) []T {
	out := make([]T, len(seen))
	for i, inv := range seen {
		out[i] = f(inv)
	}
	return out
}

func TestDurableReattaches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(1), lambdatest.RequestRate(100, 100))
		defer s.Close()
		s.Handle("f", counted(2*time.Second), lambdatest.Durable())
		client := s.Client(once)
		start := time.Now()

		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		_, err := client.Invoke(ctx, durable("once", `{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)

		answers := make(chan string)
		for range 3 {
			go func() {
				out, err := client.Invoke(t.Context(), durable("once", `{}`))
				assert.NoError(t, err)
				answers <- string(out.Payload)
			}()
		}
		for range 3 {
			assert.Equal(t, "1", <-answers)
		}
		assert.Equal(t, 2*time.Second, time.Since(start), "it waits for the one that runs, without a share of the concurrency")
		assert.Equal(t, 1, s.MaxInFlight())
		assert.Equal(t, 1, s.Counts().Executed)

		time.Sleep(time.Hour)
		start = time.Now()
		out, err := client.Invoke(t.Context(), durable("once", `{}`))
		require.NoError(t, err)
		assert.Equal(t, "1", string(out.Payload))
		assert.Zero(t, time.Since(start))
	})
}

func TestDurableReattachIsTestedAgainstRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(1, 1))
		defer s.Close()
		s.Handle("f", counted(0), lambdatest.Durable())
		client := s.Client(once)
		_, err := client.Invoke(t.Context(), durable("once", `{}`))
		require.NoError(t, err)
		_, err = client.Invoke(t.Context(), durable("once", `{}`))
		var throttle *types.TooManyRequestsException
		require.ErrorAs(t, err, &throttle)
		assert.False(t, s.Invocations()[1].Reattached)
		time.Sleep(time.Second)
		_, err = client.Invoke(t.Context(), durable("once", `{}`))
		require.NoError(t, err)
	})
}

// Whatever becomes of the answer, the execution is there.
func TestDurableAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, effect := range []lambdatest.Effect{lambdatest.ResetAfter(), lambdatest.Truncated()} {
		t.Run(effect.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", func(ctx context.Context, _ []byte) ([]byte, error) {
					req, _ := lambdatest.FromContext(ctx)
					return fmt.Appendf(nil, "%q", req.RequestID), nil
				}, lambdatest.Durable())
				lost := s.Fault(effect, lambdatest.Count(2))
				client := s.Client(once)
				for range 2 {
					_, err := client.Invoke(t.Context(), durable("once", `{}`))
					require.Error(t, err)
				}
				assert.Equal(t, 2, lost.Hits(), "also the answer of the reattached one")
				out, err := client.Invoke(t.Context(), durable("once", `{}`))
				require.NoError(t, err)
				seen := s.Invocations()
				assert.Equal(t, fmt.Sprintf("%q", seen[0].RequestID), string(out.Payload))
				assert.Equal(t, 1, s.Counts().Executed)
				assert.Equal(t, effect.String(), seen[1].Fault)
				assert.True(t, seen[1].Reattached)
			})
		})
	}
}

// What fails before it starts leaves the name free, for another payload too.
func TestDurableDidNotStart(t *testing.T) {
	t.Parallel()
	for _, effect := range []lambdatest.Effect{
		lambdatest.Throttle(callerRate), lambdatest.Status(409, "ResourceConflictException", "pending"), lambdatest.ServerError(502, ""),
		lambdatest.ConnectionRefused(), lambdatest.ResetBefore(),
	} {
		t.Run(effect.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", counted(0), lambdatest.Durable())
				s.Fault(effect, lambdatest.Count(1))
				client := s.Client(once)
				_, err := client.Invoke(t.Context(), durable("once", `{}`))
				require.Error(t, err)
				out, err := client.Invoke(t.Context(), durable("once", `{"another":true}`))
				require.NoError(t, err)
				assert.Equal(t, "1", string(out.Payload))
			})
		})
	}
	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := lambdatest.New(lambdatest.AccountConcurrency(0), lambdatest.RequestRate(10, 10))
			defer s.Close()
			s.Handle("f", counted(0), lambdatest.Durable())
			client := s.Client(once)
			_, err := client.Invoke(t.Context(), durable("once", `{}`))
			require.Error(t, err)
			dry := durable("once", `{}`)
			dry.InvocationType = types.InvocationTypeDryRun
			_, err = client.Invoke(t.Context(), dry)
			require.NoError(t, err)
			s.SetAccountConcurrency(1)
			_, err = client.Invoke(t.Context(), durable("once", `{"another":true}`))
			require.NoError(t, err)
			_, err = client.Invoke(t.Context(), dry)
			require.NoError(t, err, "it asks for no execution")
		})
	})
}

func TestDurableFailsAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		function lambdatest.Function
		effect   lambdatest.Effect
		want     string
	}{
		{name: "error", function: func(context.Context, []byte) ([]byte, error) { return nil, orderError{7} }, want: "order 7"},
		{name: "timeout", function: busy(time.Minute), want: "Sandbox.Timedout"},
		{name: "fault", function: echo, effect: lambdatest.OutOfMemory(), want: "Runtime.OutOfMemory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", tt.function, lambdatest.Durable())
				if tt.effect.String() != "" {
					s.Fault(tt.effect)
				}
				client := s.Client(once)
				first, err := client.Invoke(t.Context(), durable("once", `{}`))
				require.NoError(t, err)
				assert.Equal(t, "Unhandled", aws.ToString(first.FunctionError))
				assert.Contains(t, string(first.Payload), tt.want)

				s.Handle("f", echo, lambdatest.Durable())
				unused := s.Fault(lambdatest.Exited()) // in place of a function that is not called
				again, err := client.Invoke(t.Context(), durable("once", `{}`))
				require.NoError(t, err)
				assert.Equal(t, first.FunctionError, again.FunctionError)
				assert.Equal(t, string(first.Payload), string(again.Payload))
				assert.Zero(t, unused.Hits())
				assert.Equal(t, "Unhandled", s.Invocations()[1].FunctionError)
			})
		})
	}
}

func TestDurableRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*lambda.InvokeInput)
		message string // "": 409
	}{
		{name: "payload", change: func(in *lambda.InvokeInput) { in.Payload = []byte(`{ }`) }},
		{name: "function", change: func(in *lambda.InvokeInput) { in.FunctionName = aws.String("g:1") }},
		{name: "version", change: func(in *lambda.InvokeInput) { in.FunctionName = aws.String("f:2") }},
		{name: "event", change: func(in *lambda.InvokeInput) {
			in.InvocationType, in.Payload = types.InvocationTypeEvent, nil
		}},
		{
			name: "unqualified", message: "unqualified ARN",
			change: func(in *lambda.InvokeInput) { in.FunctionName, in.DurableExecutionName = aws.String("f"), nil },
		},
		{
			name: "not durable", message: "not a durable function",
			change: func(in *lambda.InvokeInput) { in.FunctionName = aws.String("plain:1") },
		},
		{
			name: "bad name", message: "'durableExecutionName' failed to satisfy",
			change: func(in *lambda.InvokeInput) { in.DurableExecutionName = aws.String("a.b") },
		},
		{
			name: "long name", message: "'durableExecutionName' failed to satisfy",
			change: func(in *lambda.InvokeInput) { in.DurableExecutionName = aws.String(strings.Repeat("a", 65)) },
		},
		{
			name: "empty name", message: "'durableExecutionName' failed to satisfy",
			change: func(in *lambda.InvokeInput) { in.DurableExecutionName = aws.String("") },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", counted(0), lambdatest.Durable())
				s.Handle("g", echo, lambdatest.Durable())
				s.Handle("plain", echo)
				client := s.Client(once)
				first, err := client.Invoke(t.Context(), durable("once", `{}`))
				require.NoError(t, err)
				in := durable("once", `{}`)
				tt.change(in)
				_, err = client.Invoke(t.Context(), in)
				if tt.message == "" {
					var started *types.DurableExecutionAlreadyStartedException
					require.ErrorAs(t, err, &started)
					assert.Equal(t, "Execution already started: "+*first.DurableExecutionArn, *started.Message)
					assert.Equal(t, 409, s.Invocations()[1].Status)
				} else {
					var invalid *types.InvalidParameterValueException
					require.ErrorAs(t, err, &invalid)
					assert.Contains(t, *invalid.Message, tt.message)
				}
				assert.False(t, s.Invocations()[1].Reattached)
				assert.Equal(t, 1, s.Counts().Executed)
			})
		})
	}
	t.Run("tenant", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := lambdatest.New()
			defer s.Close()
			s.Handle("f", counted(0), lambdatest.Durable(), lambdatest.TenantIsolation())
			client := s.Client(once)
			in := durable("once", strings.Repeat("7", 64))
			in.TenantId = aws.String("blue")
			_, err := client.Invoke(t.Context(), in)
			require.NoError(t, err)
			in.TenantId = aws.String("green")
			_, err = client.Invoke(t.Context(), in)
			var started *types.DurableExecutionAlreadyStartedException
			require.ErrorAs(t, err, &started)
		})
	})
}

func TestDurableEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", counted(time.Second), lambdatest.Durable())
		client := s.Client(once)
		in := durable("once", `{}`)
		in.InvocationType = types.InvocationTypeEvent
		first, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)
		again, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)
		assert.Equal(t, int32(202), again.StatusCode)
		assert.NotNil(t, first.DurableExecutionArn)
		assert.Equal(t, first.DurableExecutionArn, again.DurableExecutionArn)

		start := time.Now()
		out, err := client.Invoke(t.Context(), durable("once", `{}`))
		require.NoError(t, err)
		assert.Equal(t, "1", string(out.Payload))
		assert.Equal(t, time.Second, time.Since(start))
		s.Wait()
		assert.Equal(t, 1, s.Counts().Executed)
	})
}

// An Event that is dropped leaves the name free, and nobody waiting.
func TestDurableEventIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(0), lambdatest.RequestRate(10, 10))
		defer s.Close()
		s.Handle("f", counted(0), lambdatest.Durable())
		client := s.Client(once)
		in := durable("once", `{}`)
		in.InvocationType = types.InvocationTypeEvent
		_, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)
		waiting := make(chan error)
		go func() {
			_, err := client.Invoke(t.Context(), durable("once", `{}`))
			waiting <- err
		}()
		synctest.Wait()
		s.Handle("f", counted(0), lambdatest.Durable(), lambdatest.Reserved(0))
		require.ErrorContains(t, <-waiting, "connection reset")

		s.SetAccountConcurrency(1)
		s.Handle("f", counted(0), lambdatest.Durable())
		_, err = client.Invoke(t.Context(), durable("once", `{"another":true}`))
		require.NoError(t, err)
	})
}

func TestDurableClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		s.Handle("f", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, nil
		}, lambdatest.Durable())
		client := s.Client(once)
		answers := make(chan error)
		for range 2 {
			go func() {
				_, err := client.Invoke(t.Context(), durable("once", `{}`))
				answers <- err
			}()
		}
		synctest.Wait()
		go s.Close()
		for range 2 {
			require.ErrorContains(t, <-answers, "connection reset")
		}
	})
}
