package lambdatest_test

import (
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

// errorTypes calls the function n times and returns what each answer says, joined by spaces: the error type, or ok.
func errorTypes(t *testing.T, client *lambda.Client, n int) string {
	t.Helper()
	var all []string
	for range n {
		out, err := client.Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		if out.FunctionError == nil {
			all = append(all, "ok")
			continue
		}
		name, _ := object(t, out.Payload)["errorType"].(string)
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func TestFaultOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		a := s.Fault(lambdatest.Unhandled("A", ""), lambdatest.Skip(1), lambdatest.Count(2))
		b := s.Fault(lambdatest.Unhandled("B", ""), lambdatest.Count(2))
		c := s.Fault(lambdatest.Unhandled("C", ""), lambdatest.Skip(1))
		assert.Equal(t, "B A A B ok C C", errorTypes(t, client, 7))
		assert.Equal(t, 2, a.Hits())
		assert.Equal(t, 2, b.Hits())
		assert.Equal(t, 2, c.Hits())
		c.Remove()
		c.Remove()
		assert.Equal(t, "ok ok", errorTypes(t, client, 2))
		assert.Equal(t, 2, c.Hits())
	})
}

func TestFaultAims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", echo)
		s.Handle("g", echo)
		client := s.Client(once)
		poisoned := func(r *lambdatest.Request) bool {
			s.Counts() // may use the service
			for _, rec := range r.Records() {
				if string(rec.Data) == `"poison"` {
					return true
				}
			}
			return false
		}
		f := s.Fault(lambdatest.Exited(), lambdatest.OnFunction("f"), lambdatest.When(poisoned))
		const bad, good = `{"records":[{"id":"1","data":1},{"id":"2","data":"poison"}]}`, `{"records":[{"id":"1","data":1}]}`
		for _, tt := range []struct {
			function, payload string
			fails             bool
		}{
			{"f", bad, true},
			{"f:3", bad, true},
			{"f", good, false},
			{"g", bad, false},
		} {
			out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &tt.function, Payload: []byte(tt.payload)})
			require.NoError(t, err)
			assert.Equal(t, tt.fails, out.FunctionError != nil, "%s %s", tt.function, tt.payload)
		}
		assert.Equal(t, 2, f.Hits())
	})
}

func TestLatencyGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(1))
		defer s.Close()
		s.Handle("f", busy(time.Second), lambdatest.Timeout(2*time.Second))
		client := s.Client(once)
		s.Fault(lambdatest.Latency(1500*time.Millisecond), lambdatest.Count(3))
		s.Fault(lambdatest.Latency(time.Second), lambdatest.Count(2))
		s.Fault(lambdatest.Unhandled("A", ""), lambdatest.Count(1))
		s.Fault(lambdatest.Throttle(types.ThrottleReasonCallerRateLimitExceeded), lambdatest.Count(1))
		took := func() time.Duration {
			start := time.Now()
			_, _ = client.Invoke(t.Context(), input(`{}`))
			return time.Since(start)
		}
		assert.Equal(t, 2500*time.Millisecond, took(), "both, and no function")
		assert.Equal(t, 2500*time.Millisecond, took(), "both, and a throttle")
		go took()
		synctest.Wait()
		assert.Equal(t, 1, s.InFlight(), "it holds the concurrency")
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		assert.Equal(t, time.Second, took(), "it was the last")

		inv := s.Invocations()
		require.Len(t, inv, 4)
		assert.Equal(t, "Latency+Latency+Unhandled", inv[0].Fault)
		assert.Equal(t, 2500*time.Millisecond, inv[0].Duration)
		assert.Equal(t, "Latency+Latency+Throttle", inv[1].Fault)
		assert.Zero(t, inv[1].Duration)
		assert.Equal(t, "Latency", inv[2].Fault)
		assert.Equal(t, 200, inv[2].Status)
		assert.Equal(t, 2500*time.Millisecond, inv[2].Duration)
		assert.Empty(t, inv[3].Fault)
	})
}

func TestFaultsAndQuotas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RequestRate(1, 2))
		defer s.Close()
		s.Handle("f", echo)
		client := s.Client(once)
		door := s.Fault(lambdatest.Throttle(types.ThrottleReasonFunctionInvocationRateLimitExceeded), lambdatest.Count(5))
		place := s.Fault(lambdatest.Unhandled("A", ""), lambdatest.Count(3))
		got := reasons(t, client, "f", 10)
		assert.Equal(t, map[types.ThrottleReason]int{
			"": 2, // the two tokens: the fault at the door used none
			types.ThrottleReasonFunctionInvocationRateLimitExceeded: 5,
			types.ThrottleReasonCallerRateLimitExceeded:             3,
		}, got)
		assert.Equal(t, 5, door.Hits())
		assert.Equal(t, 2, place.Hits(), "not on those that the quota refused")
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("unknown")})
		require.Error(t, err)
		assert.Equal(t, 2, place.Hits())
		time.Sleep(time.Second)
		assert.Equal(t, "A", errorTypes(t, client, 1))
		time.Sleep(time.Second)
		assert.Equal(t, "ok", errorTypes(t, client, 1))
		assert.Equal(t, lambdatest.Counts{
			Requests: 13, Admitted: 4, Executed: 1, Throttled: 8,
			Reasons: map[types.ThrottleReason]int{
				types.ThrottleReasonFunctionInvocationRateLimitExceeded: 5,
				types.ThrottleReasonCallerRateLimitExceeded:             3,
			},
		}, s.Counts())
	})
}

func TestFaultInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", echo)
		s.Fault(lambdatest.Latency(time.Second))
		s.Fault(lambdatest.Unhandled("A", ""))
		start := time.Now()
		_, err := s.Client(once).Invoke(t.Context(), event(`{}`))
		require.NoError(t, err)
		assert.Zero(t, time.Since(start))
		s.Wait()
		assert.Equal(t, time.Second, time.Since(start))
		inv := s.Invocations()[0]
		assert.Equal(t, 202, inv.Status)
		assert.Equal(t, "Unhandled", inv.FunctionError)
		assert.Equal(t, start, inv.Answered)
	})
}
