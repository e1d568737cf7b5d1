package lambdatest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// TestEffects shows what each effect looks like to the user of the SDK.
func TestEffects(t *testing.T) {
	t.Parallel()
	status := func(t *testing.T, err error) int {
		var resp *awshttp.ResponseError
		require.ErrorAs(t, err, &resp)
		return resp.HTTPStatusCode()
	}
	throttle := func(t *testing.T, err error) *types.TooManyRequestsException {
		var e *types.TooManyRequestsException
		require.ErrorAs(t, err, &e)
		assert.Equal(t, 429, status(t, err))
		return e
	}
	unsent := func(t *testing.T, err error) {
		var send *smithyhttp.RequestSendError
		require.ErrorAs(t, err, &send)
		assert.Zero(t, status(t, err))
	}
	// functionError checks an answer, which has no error.
	functionError := func(kind, errorType, message string) func(*testing.T, *lambda.InvokeOutput, error) {
		return func(t *testing.T, out *lambda.InvokeOutput, err error) {
			require.NoError(t, err)
			assert.Equal(t, int32(200), out.StatusCode)
			assert.Equal(t, kind, aws.ToString(out.FunctionError))
			failure := object(t, out.Payload)
			assert.Equal(t, errorType, failure["errorType"])
			assert.Regexp(t, message, failure["errorMessage"])
		}
	}
	tests := []struct {
		name     string
		effect   lambdatest.Effect
		in       *lambda.InvokeInput // nil: {}
		executed bool
		admitted bool
		unseen   bool // the service has no record of it
		status   int  // that it recorded
		check    func(t *testing.T, out *lambda.InvokeOutput, err error)
		memory   func(t *testing.T, err error) // more, in memory only
	}{
		{
			name: "Throttle", effect: lambdatest.Throttle(types.ThrottleReasonCallerRateLimitExceeded), status: 429,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				e := throttle(t, err)
				assert.Equal(t, types.ThrottleReasonCallerRateLimitExceeded, e.Reason)
				assert.Equal(t, "Rate exceeded", e.ErrorMessage())
				assert.Equal(t, "User", aws.ToString(e.Type))
				assert.Nil(t, e.RetryAfterSeconds)
			},
		},
		{
			name: "ThrottleAfter", status: 429,
			effect: lambdatest.ThrottleAfter(types.ThrottleReasonConcurrentInvocationLimitExceeded, 1500*time.Millisecond),
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				e := throttle(t, err)
				assert.Equal(t, types.ThrottleReasonConcurrentInvocationLimitExceeded, e.Reason)
				assert.Equal(t, "Rate Exceeded.", e.ErrorMessage())
				assert.Equal(t, "2", aws.ToString(e.RetryAfterSeconds))
			},
		},
		{
			name: "Status", effect: lambdatest.Status(409, "ResourceConflictException", "Pending"), status: 409,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				var e *types.ResourceConflictException
				require.ErrorAs(t, err, &e)
				assert.Equal(t, "Pending", e.ErrorMessage())
				assert.Equal(t, 409, status(t, err))
			},
		},
		{
			name: "Status of the service", effect: lambdatest.Status(500, "ServiceException", "oops"), status: 500,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				var e *types.ServiceException
				require.ErrorAs(t, err, &e)
				assert.Equal(t, "Service", aws.ToString(e.Type))
			},
		},
		{
			name: "ServerError with HTML", effect: lambdatest.ServerError(502, "<html>Bad Gateway</html>"), status: 502,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				assert.Equal(t, 502, status(t, err))
				var decode *smithy.DeserializationError
				require.ErrorAs(t, err, &decode)
				var api smithy.APIError
				assert.NotErrorAs(t, err, &api)
			},
		},
		{
			name: "ServerError without a body", effect: lambdatest.ServerError(503, ""), status: 503,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				assert.Equal(t, 503, status(t, err))
				var api smithy.APIError
				require.ErrorAs(t, err, &api)
				assert.Equal(t, "UnknownError", api.ErrorCode())
			},
		},
		{
			name: "ConnectionRefused", effect: lambdatest.ConnectionRefused(), unseen: true,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) { unsent(t, err) },
			memory: func(t *testing.T, err error) {
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				assert.Equal(t, "dial", op.Op)
				assert.ErrorIs(t, err, syscall.ECONNREFUSED)
			},
		},
		{
			name: "ResetBefore", effect: lambdatest.ResetBefore(),
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				unsent(t, err)
				assert.ErrorIs(t, err, syscall.ECONNRESET)
			},
		},
		{
			name: "ResetAfter", effect: lambdatest.ResetAfter(), executed: true, admitted: true,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				unsent(t, err)
				assert.ErrorIs(t, err, syscall.ECONNRESET)
			},
		},
		{
			name: "ResetAfter of an event", effect: lambdatest.ResetAfter(), in: event(`{}`), executed: true, admitted: true,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				unsent(t, err)
				assert.ErrorIs(t, err, syscall.ECONNRESET)
			},
		},
		{
			name: "Truncated", effect: lambdatest.Truncated(), in: input(`"0123456789"`), executed: true, admitted: true, status: 200,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				assert.Equal(t, 200, status(t, err))
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			},
		},
		{
			name: "Truncated event", effect: lambdatest.Truncated(), in: event(`{}`), executed: true, admitted: true,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) { unsent(t, err) },
		},
		{
			name: "BlackHole", effect: lambdatest.BlackHole(),
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) {
				var canceled *smithy.CanceledError
				require.ErrorAs(t, err, &canceled)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			},
		},
		{
			name: "Latency", effect: lambdatest.Latency(30 * time.Millisecond), executed: true, admitted: true, status: 200,
			check: func(t *testing.T, _ *lambda.InvokeOutput, err error) { assert.NoError(t, err) },
		},
		{
			name: "Respond", effect: lambdatest.Respond([]byte(`null`)), admitted: true, status: 200,
			check: func(t *testing.T, out *lambda.InvokeOutput, err error) {
				require.NoError(t, err)
				assert.Nil(t, out.FunctionError)
				assert.Equal(t, `null`, string(out.Payload))
			},
		},
		{
			name: "Respond with nothing", effect: lambdatest.Respond(nil), admitted: true, status: 200,
			check: func(t *testing.T, out *lambda.InvokeOutput, err error) {
				require.NoError(t, err)
				assert.Empty(t, out.Payload)
			},
		},
		{
			name: "Handled", effect: lambdatest.Handled("Busy", "later"), admitted: true, status: 200,
			check: functionError("Handled", "Busy", "^later$"),
		},
		{
			name: "Unhandled", effect: lambdatest.Unhandled("KeyError", "'id'"), admitted: true, status: 200,
			check: functionError("Unhandled", "KeyError", "^'id'$"),
		},
		{
			name: "TimedOut", effect: lambdatest.TimedOut(), admitted: true, status: 200,
			check: functionError("Unhandled", "Sandbox.Timedout", `^RequestId: \S+ Error: Task timed out after 0\.50 seconds$`),
		},
		{
			name: "OutOfMemory", effect: lambdatest.OutOfMemory(), admitted: true, status: 200,
			check: functionError("Unhandled", "Runtime.OutOfMemory", `^RequestId: \S+ Error: Runtime exited with error: signal: killed$`),
		},
		{
			name: "Exited", effect: lambdatest.Exited(), admitted: true, status: 200,
			check: functionError("Unhandled", "Runtime.ExitError", `^RequestId: \S+ Error: Runtime exited with error: exit status 1$`),
		},
		{
			name: "ResponseTooLarge", effect: lambdatest.ResponseTooLarge(), admitted: true, status: 200,
			check: functionError("Unhandled", "Function.ResponseSizeTooLarge", `\(6291556 bytes\)\.$`),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				s := lambdatest.New()
				defer s.Close()
				var calls atomic.Int32
				s.Handle("f", func(_ context.Context, payload []byte) ([]byte, error) {
					calls.Add(1)
					return payload, nil
				}, lambdatest.Timeout(500*time.Millisecond))
				fault := s.Fault(tt.effect, lambdatest.Count(1))
				client := connect(t, s)
				in := tt.in
				if in == nil {
					in = input(`{}`)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()

				out, err := client.Invoke(ctx, in)
				tt.check(t, out, err)
				if _, port := client.Options().HTTPClient.(*http.Client); !port && tt.memory != nil {
					tt.memory(t, err)
				}
				s.Wait()
				assert.Equal(t, tt.executed, calls.Load() == 1, "%d calls", calls.Load())
				assert.Equal(t, 1, fault.Hits())
				inv := s.Invocations()
				if tt.unseen {
					assert.Empty(t, inv)
				} else {
					require.Len(t, inv, 1)
					assert.Equal(t, tt.status, inv[0].Status)
					assert.Equal(t, tt.executed, inv[0].Executed)
					assert.Equal(t, tt.admitted, inv[0].Admitted)
					assert.Equal(t, tt.effect.String(), inv[0].Fault)
					assert.Equal(t, tt.name == "BlackHole", inv[0].Answered.IsZero())
				}

				out, err = client.Invoke(t.Context(), input(`{}`))
				require.NoError(t, err, "the fault is over")
				assert.Equal(t, `{}`, string(out.Payload))
				s.Wait()
				assert.Zero(t, s.InFlight())
			})
		})
	}
}
