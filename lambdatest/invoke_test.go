package lambdatest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

type orderError struct{ id int }

func (e orderError) Error() string { return fmt.Sprintf("order %d", e.id) }

const uuid = `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`

func TestInvokeAnswers(t *testing.T) {
	t.Parallel()
	fails := func(err error) lambdatest.Function {
		return func(context.Context, []byte) ([]byte, error) { return nil, err }
	}
	tests := []struct {
		name      string
		function  lambdatest.Function
		opts      []lambdatest.FunctionOption
		in        lambda.InvokeInput
		status    int32 // 0: 200
		payload   string
		failure   string // FunctionError
		errorType string
		message   string // has REQUEST for the request ID
		version   string // "": $LATEST
	}{
		{name: "echo", function: echo, in: lambda.InvokeInput{Payload: []byte(`{"a":1}`)}, payload: `{"a":1}`},
		{name: "no payload", function: echo, payload: `{}`},
		{
			name: "no answer", function: func(context.Context, []byte) ([]byte, error) { return nil, nil },
			payload: `null`,
		},
		{name: "qualified name", function: echo, in: lambda.InvokeInput{FunctionName: aws.String("f:7")}, payload: `{}`, version: "7"},
		{
			name: "ARN", function: echo, payload: `{}`,
			in: lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:000000000000:function:f")},
		},
		{
			name: "qualified ARN", function: echo, payload: `{}`, version: "1",
			in: lambda.InvokeInput{FunctionName: aws.String("arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:f:live")},
		},
		{
			name: "partial ARN", function: echo, payload: `{}`,
			in: lambda.InvokeInput{FunctionName: aws.String("000000000000:function:f:$LATEST")},
		},
		{
			name: "qualifier", function: echo, payload: `{}`, version: "12",
			in: lambda.InvokeInput{Qualifier: aws.String("12")},
		},
		{
			name: "same qualifier twice", function: echo, payload: `{}`, version: "12",
			in: lambda.InvokeInput{FunctionName: aws.String("f:12"), Qualifier: aws.String("12")},
		},
		{
			name: "tenant", function: echo, opts: []lambdatest.FunctionOption{lambdatest.TenantIsolation()}, payload: `{}`,
			in: lambda.InvokeInput{TenantId: aws.String("blue/1")},
		},
		{
			name: "error", function: fails(errors.New("boom")),
			failure: "Unhandled", errorType: "errorString", message: "boom",
		},
		{
			name: "wrapped error", function: fails(fmt.Errorf("a: %w", errors.New("boom"))),
			failure: "Unhandled", errorType: "wrapError", message: "a: boom",
		},
		{
			name: "error of its own type", function: fails(orderError{7}),
			failure: "Unhandled", errorType: "orderError", message: "order 7",
		},
		{
			name: "panic", function: func(context.Context, []byte) ([]byte, error) { panic("ouch") },
			failure: "Unhandled", errorType: "string", message: "ouch",
		},
		{
			name: "Goexit", failure: "Unhandled", errorType: "Runtime.ExitError",
			function: func(context.Context, []byte) ([]byte, error) { runtime.Goexit(); return nil, nil },
			message:  "RequestId: REQUEST Error: Runtime exited without providing a reason",
		},
		{
			name: "timeout", function: busy(60 * time.Millisecond), opts: []lambdatest.FunctionOption{lambdatest.Timeout(30 * time.Millisecond)},
			failure: "Unhandled", errorType: "Sandbox.Timedout", message: "RequestId: REQUEST Error: Task timed out after 0.03 seconds",
		},
		{
			name: "largest answer", payload: `"` + strings.Repeat("x", 6_291_554) + `"`,
			function: func(context.Context, []byte) ([]byte, error) {
				return []byte(`"` + strings.Repeat("x", 6_291_554) + `"`), nil
			},
		},
		{
			name: "too large an answer", failure: "Unhandled", errorType: "Function.ResponseSizeTooLarge",
			function: func(context.Context, []byte) ([]byte, error) {
				return []byte(`"` + strings.Repeat("x", 6_291_555) + `"`), nil
			},
			message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
		},
		{
			name: "largest request", function: fails(nil), payload: `null`,
			in: lambda.InvokeInput{Payload: []byte(`"` + strings.Repeat("x", 6_291_454) + `"`)},
		},
		{
			name: "dry run", function: fails(errors.New("it ran")), status: 204,
			in: lambda.InvokeInput{InvocationType: types.InvocationTypeDryRun},
		},
		{
			name: "event", function: echo, status: 202,
			in: lambda.InvokeInput{InvocationType: types.InvocationTypeEvent},
		},
		{
			name: "largest event", function: echo, status: 202,
			in: lambda.InvokeInput{
				InvocationType: types.InvocationTypeEvent,
				Payload:        []byte(`"` + strings.Repeat("x", 1_048_574) + `"`),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", tt.function, tt.opts...)
				in := tt.in
				if in.FunctionName == nil {
					in.FunctionName = aws.String("f")
				}
				out, err := connect(t, s).Invoke(t.Context(), &in)
				require.NoError(t, err)

				id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
				assert.Regexp(t, uuid, id)
				if tt.status != 0 {
					assert.Equal(t, tt.status, out.StatusCode)
					assert.Empty(t, out.Payload)
					assert.Nil(t, out.ExecutedVersion)
					return
				}
				assert.Equal(t, int32(200), out.StatusCode)
				version := tt.version
				if version == "" {
					version = "$LATEST"
				}
				assert.Equal(t, version, aws.ToString(out.ExecutedVersion))
				assert.Nil(t, out.LogResult)
				if tt.failure == "" {
					assert.Nil(t, out.FunctionError)
					assert.Equal(t, tt.payload, string(out.Payload))
					return
				}
				assert.Equal(t, tt.failure, aws.ToString(out.FunctionError))
				got := object(t, out.Payload)
				assert.Equal(t, tt.errorType, got["errorType"])
				assert.Equal(t, strings.ReplaceAll(tt.message, "REQUEST", id), got["errorMessage"])

				inv := s.Invocations()
				require.Len(t, inv, 1)
				assert.Equal(t, id, inv[0].RequestID)
				assert.Equal(t, tt.failure, inv[0].FunctionError)
				assert.Equal(t, 200, inv[0].Status)
				assert.True(t, inv[0].Executed)
			})
		})
	}
}

func TestInvokeRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		opts    []lambdatest.FunctionOption
		in      lambda.InvokeInput
		status  int
		code    string
		message string
	}{
		{
			name: "no such function", in: lambda.InvokeInput{FunctionName: aws.String("g")},
			status: 404, code: "ResourceNotFoundException",
			message: "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g",
		},
		{
			name: "no such function with a qualifier", in: lambda.InvokeInput{FunctionName: aws.String("g"), Qualifier: aws.String("live")},
			status: 404, code: "ResourceNotFoundException",
			message: "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g:live",
		},
		{
			name: "no name", in: lambda.InvokeInput{FunctionName: aws.String("a b")},
			status: 400, code: "InvalidParameterValueException",
		},
		{
			name: "two qualifiers", in: lambda.InvokeInput{FunctionName: aws.String("f:1"), Qualifier: aws.String("2")},
			status: 400, code: "InvalidParameterValueException",
			message: "The derived qualifier from the function name does not match the specified qualifier.",
		},
		{
			name: "not JSON", in: lambda.InvokeInput{Payload: []byte(`{"a":`)},
			status: 400, code: "InvalidRequestContentException",
			message: "Could not parse request body into json: unexpected end of JSON input",
		},
		{
			name: "too large", in: lambda.InvokeInput{Payload: []byte(`"` + strings.Repeat("x", 6_291_455) + `"`)},
			status: 413, code: "RequestEntityTooLargeException",
			message: "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)",
		},
		{
			name: "event too large", in: lambda.InvokeInput{
				InvocationType: types.InvocationTypeEvent,
				Payload:        []byte(`"` + strings.Repeat("x", 1_048_575) + `"`),
			},
			status: 413, code: "RequestEntityTooLargeException",
			message: "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
		},
		{
			name: "no tenant", opts: []lambdatest.FunctionOption{lambdatest.TenantIsolation()},
			status: 400, code: "InvalidParameterValueException",
			message: "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.",
		},
		{
			name: "a tenant too many", in: lambda.InvokeInput{TenantId: aws.String("blue")},
			status: 400, code: "InvalidParameterValueException",
			message: "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.",
		},
		{
			name: "client context", in: lambda.InvokeInput{ClientContext: aws.String("{}")},
			status: 400, code: "InvalidRequestContentException",
			message: "Client context must be a valid Base64-encoded JSON object.",
		},
		{
			name: "invocation type", in: lambda.InvokeInput{InvocationType: "Sometimes"},
			status: 400, code: "InvalidParameterValueException",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", echo, tt.opts...)
				in := tt.in
				if in.FunctionName == nil {
					in.FunctionName = aws.String("f")
				}
				_, err := connect(t, s).Invoke(t.Context(), &in)
				var api smithy.APIError
				require.ErrorAs(t, err, &api)
				assert.Equal(t, tt.code, api.ErrorCode())
				if tt.message != "" {
					assert.Equal(t, tt.message, api.ErrorMessage())
				}
				var resp *awshttp.ResponseError
				require.ErrorAs(t, err, &resp)
				assert.Equal(t, tt.status, resp.HTTPStatusCode())
				assert.Regexp(t, uuid, resp.ServiceRequestID())

				inv := s.Invocations()
				require.Len(t, inv, 1)
				assert.Equal(t, tt.status, inv[0].Status)
				assert.Equal(t, resp.ServiceRequestID(), inv[0].RequestID)
				assert.False(t, inv[0].Admitted)
				assert.Equal(t, 1, s.Counts().Requests)
				assert.Zero(t, s.Counts().Executed)
			})
		})
	}
}

func TestFunctionSeesItsInvocation(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		seen := make(chan *lambdatest.Request, 2)
		s.Handle("f", func(ctx context.Context, payload []byte) ([]byte, error) {
			req, ok := lambdatest.FromContext(ctx)
			assert.True(t, ok)
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.WithinDuration(t, time.Now().Add(time.Minute), deadline, time.Second)
			payload[0] = 'X' // its own
			seen <- req
			return nil, nil
		}, lambdatest.Timeout(time.Minute), lambdatest.TenantIsolation(), lambdatest.Durable())
		client := connect(t, s)
		clientContext := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"batch":"7"}}`))
		in := &lambda.InvokeInput{
			FunctionName: aws.String("arn:aws:lambda:us-east-1:123456789012:function:f:live"), ClientContext: &clientContext,
			TenantId: aws.String("blue"), Payload: []byte(`{"records":[{"id":"1","data":{"n":1}},{"id":"2"}]}`),
			DurableExecutionName: aws.String("once"), LogType: types.LogTypeTail,
		}
		out, err := client.Invoke(t.Context(), in)
		require.NoError(t, err)

		req := <-seen
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		assert.Equal(t, id, req.RequestID)
		assert.Equal(t, "f", req.Function)
		assert.Equal(t, "live", req.Qualifier)
		assert.Equal(t, "blue", req.Tenant)
		assert.Equal(t, clientContext, req.ClientContext)
		assert.Equal(t, "once", req.DurableExecutionName)
		assert.Equal(t, types.InvocationTypeRequestResponse, req.Type)
		assert.Equal(t, types.LogTypeTail, req.LogType)
		assert.Equal(t, string(in.Payload), string(req.Payload))
		assert.Contains(t, req.Header.Get("User-Agent"), "aws-sdk-go-v2")
		records := req.Records()
		require.Len(t, records, 2)
		assert.Equal(t, "1", records[0].ID)
		assert.JSONEq(t, `{"n":1}`, string(records[0].Data))
		assert.Equal(t, "2", records[1].ID)

		in.InvocationType, in.LogType, in.DurableExecutionName = types.InvocationTypeEvent, "", aws.String("again")
		_, err = client.Invoke(t.Context(), in)
		require.NoError(t, err)
		req = <-seen
		assert.Empty(t, req.ClientContext, "Lambda passes it to synchronous invocations only")
		assert.Equal(t, types.InvocationTypeEvent, req.Type)
		s.Wait()

		_, ok := lambdatest.FromContext(t.Context())
		assert.False(t, ok)
		lambdatest.Logf(t.Context(), "goes nowhere")
	})
}

func TestLogTail(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", func(ctx context.Context, payload []byte) ([]byte, error) {
			for i := range 1000 {
				lambdatest.Logf(ctx, "line %d of %s", i, payload)
			}
			return nil, nil
		})
		s.Handle("short", func(ctx context.Context, _ []byte) ([]byte, error) {
			lambdatest.Logf(ctx, "hello\n")
			time.Sleep(20 * time.Millisecond)
			return nil, nil
		})
		client := connect(t, s)
		tail := func(function string) string {
			out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function, LogType: types.LogTypeTail})
			require.NoError(t, err)
			text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
			require.NoError(t, err)
			return string(text)
		}
		text := tail("f")
		assert.Len(t, text, 4096)
		assert.Contains(t, text, "line 999 of {}\nEND RequestId: ")
		assert.Contains(t, text, "\nREPORT RequestId: ")
		assert.Regexp(t, `^START RequestId: \S+ Version: \$LATEST\nhello\nEND RequestId: \S+\n`+
			`REPORT RequestId: \S+\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t`,
			tail("short"))
	})
}

func TestPanicHasTrace(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", func(context.Context, []byte) ([]byte, error) { panic(errors.New("ouch")) })
		out, err := connect(t, s).Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		failure := object(t, out.Payload)
		assert.Equal(t, "errorString", failure["errorType"])
		trace, ok := failure["stackTrace"].([]any)
		require.True(t, ok)
		frame, ok := trace[0].(map[string]any)
		require.True(t, ok)
		assert.Contains(t, frame["label"], "TestPanicHasTrace")
		assert.Contains(t, frame["path"], "invoke_test.go")
		assert.NotZero(t, frame["line"])
	})
}

func TestOtherRoutes(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		_, err := connect(t, s).ListFunctions(t.Context(), nil)
		var api smithy.APIError
		require.ErrorAs(t, err, &api)
		assert.Equal(t, "lambdatest: no operation has the route GET /2015-03-31/functions", strings.TrimSuffix(api.ErrorMessage(), "/"))
		assert.Empty(t, s.Invocations())
	})
}
