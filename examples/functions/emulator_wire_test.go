package functions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A sight is what the SDK makes of one Invoke.
type sight struct {
	Status  int    // of HTTP
	Code    string // of an error of the API
	Failure string // FunctionError
	Type    string // errorType of the payload, if the function failed
	Message string // errorMessage, REQUEST for the request ID
	Payload string // otherwise
}

func look(t *testing.T, client *lambda.Client, in *lambda.InvokeInput) sight {
	t.Helper()
	out, err := client.Invoke(t.Context(), in)
	if err != nil {
		var http *awshttp.ResponseError
		var api smithy.APIError
		require.ErrorAs(t, err, &http)
		require.ErrorAs(t, err, &api)
		return sight{Status: http.HTTPStatusCode(), Code: api.ErrorCode()}
	}
	s := sight{Status: int(out.StatusCode), Failure: aws.ToString(out.FunctionError), Payload: string(out.Payload)}
	if s.Failure != "" {
		var said struct{ ErrorType, ErrorMessage string }
		require.NoError(t, json.Unmarshal(out.Payload, &said), "%s", out.Payload)
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		s.Type, s.Message, s.Payload = said.ErrorType, said.ErrorMessage, ""
		if id != "" {
			s.Message = strings.ReplaceAll(s.Message, id, "REQUEST")
		}
	}
	if n := len(s.Payload); n > 1000 {
		s.Payload = fmt.Sprintf("%d bytes", n)
	}
	return s
}

// A wireCase is one Invoke of both Lambdas.
type wireCase struct {
	name     string
	function string
	kind     types.InvocationType
	payload  string
	ours     sight
	emulator *sight // nil: the same
}

var wireCases = []wireCase{
	{
		name: "success", function: "price", payload: `{"records":[{"id":"1","data":{"item":"tea","count":3}}]}`,
		ours: sight{Status: 200, Payload: `{"results":[{"id":"1","status":"success","data":{"cents":750}}]}`},
	},
	{
		name: "partial failure", function: "price",
		payload: `{"records":[{"id":"1","data":{"item":"tea","count":3}},{"id":"2","data":{"item":"milk","count":1}}]}`,
		ours: sight{Status: 200, Payload: `{"results":[{"id":"1","status":"success","data":{"cents":750}},` +
			`{"id":"2","status":"failure","error":{"type":"UnknownItemError","message":"we do not sell milk"}}]}`},
	},
	{
		name: "no payload is an empty object", function: "price",
		ours: sight{Status: 200, Failure: "Unhandled", Type: "Error", Message: "the event has neither records nor those of SQS"},
	},
	{
		name: "function error", function: "odd", payload: `{"do":"throw"}`,
		ours: sight{Status: 200, Failure: "Unhandled", Type: "OrderError", Message: "the handler has failed"},
		// The emulator says Error whatever the error is. Lambda's Node runtime gives the error's own name (Developer Guide,
		// "Using try/catch blocks" of Node functions, has a ReferenceError).
		emulator: &sight{Status: 200, Failure: "Unhandled", Type: "Error", Message: "the handler has failed"},
	},
	{
		name: "timeout", function: "slow", payload: `{"do":"hang"}`,
		ours: sight{
			Status: 200, Failure: "Unhandled", Type: "Sandbox.Timedout",
			Message: "RequestId: REQUEST Error: Task timed out after 3.00 seconds",
		},
		// The words are the emulator's own. Lambda's are ours (Developer Guide, "Troubleshoot invocation issues", Sandbox.Timedout and
		// "Task timed out after").
		emulator: &sight{Status: 200, Failure: "Unhandled", Type: "Error", Message: "[504] - Lambda timeout."},
	},
	{name: "the next one after a timeout", function: "slow", payload: `{"do":"say","what":[1]}`, ours: sight{Status: 200, Payload: `[1]`}},
	{
		name: "exit", function: "slow", payload: `{"do":"exit"}`,
		ours: sight{
			Status: 200, Failure: "Unhandled", Type: "Runtime.ExitError",
			Message: "RequestId: REQUEST Error: Runtime exited with error: exit status 1",
		},
		// The emulator does not notice that its worker has exited, and waits for the timeout. Lambda resets the environment at
		// once (Developer Guide, "Failures during the invoke phase").
		emulator: &sight{Status: 200, Failure: "Unhandled", Type: "Error", Message: "[504] - Lambda timeout."},
	},
	{name: "the next one after an exit", function: "slow", payload: `{"do":"say","what":[1]}`, ours: sight{Status: 200, Payload: `[1]`}},
	{
		name: "largest request", function: "odd", payload: string(spaces(`{"do":"say","what":1}`, 6<<20)),
		ours: sight{Status: 200, Payload: `1`},
	},
	{
		name: "too large a request", function: "odd", payload: string(spaces(`{"do":"say","what":1}`, 6<<20+1)),
		ours: sight{Status: 413, Code: "RequestEntityTooLargeException"},
		// The emulator's answer is that of its web server, without an error type. Lambda names one, if another than its API
		// reference (RequestTooLargeException). The status is what both agree on.
		emulator: &sight{Status: 413, Code: "UnknownError"},
	},
	{
		name: "too large a response", function: "odd", payload: `{"do":"grow","bytes":7000000}`,
		ours: sight{
			Status: 200, Failure: "Unhandled", Type: "Function.ResponseSizeTooLarge",
			Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
		},
		// The emulator has no limit. Lambda has (Developer Guide, "Lambda quotas": 6 MB each for request and response).
		emulator: &sight{Status: 200, Payload: "7000002 bytes"},
	},
	{
		name: "Event", function: "odd", kind: types.InvocationTypeEvent, payload: `{"do":"say"}`,
		ours: sight{Status: 202},
	},
	{
		name: "Event that fails", function: "odd", kind: types.InvocationTypeEvent, payload: `{"do":"throw"}`,
		ours: sight{Status: 202},
	},
	{
		name: "unknown function", function: "nothing", payload: `{}`,
		ours: sight{Status: 404, Code: "ResourceNotFoundException"},
	},
	{
		name: "DryRun", function: "odd", kind: types.InvocationTypeDryRun, payload: `{}`,
		ours: sight{Status: 204},
		// The emulator does not know it. The API reference of Invoke has 204.
		emulator: &sight{Status: 400, Code: "InvalidParameterValueException"},
	},
	{
		name: "a request that is no JSON", function: "odd", payload: `{"do":`,
		ours: sight{Status: 400, Code: "InvalidRequestContentException"},
		// The emulator fails where it parses. The API reference of Invoke has InvalidRequestContentException for this.
		emulator: &sight{Status: 500, Code: "UnknownError"},
	},
	{
		name: "null", function: "odd", payload: `{"do":"say","what":null}`, ours: sight{Status: 200, Payload: `null`},
		// The emulator leaves the body empty. Lambda answers null (Developer Guide, "Invoke a Lambda function synchronously":
		// a function that returns nothing).
		emulator: &sight{Status: 200},
	},
	{
		name: "a text with a quote", function: "odd", payload: `{"do":"say","what":"a\"b"}`, ours: sight{Status: 200, Payload: `"a\"b"`},
		// The emulator puts quotes around the text and escapes nothing. Lambda's runtimes encode the result as JSON.
		emulator: &sight{Status: 200, Payload: `"a"b"`},
	},
}

func TestEmulator(t *testing.T) {
	t.Parallel()
	both := sides(t)
	t.Run("wire", func(t *testing.T) {
		t.Parallel()
		for _, tt := range wireCases {
			t.Run(tt.name, func(t *testing.T) {
				if tt.emulator != nil {
					assert.NotEqual(t, tt.ours, *tt.emulator)
				}
				both.each(t, func(t *testing.T, side string, client *lambda.Client) {
					want := tt.ours
					if side == "emulator" && tt.emulator != nil {
						want = *tt.emulator
					}
					assert.Equal(t, want, look(t, client, &lambda.InvokeInput{
						FunctionName: aws.String("orders-dev-" + tt.function), InvocationType: tt.kind, Payload: []byte(tt.payload),
					}))
				})
			})
		}
	})
	t.Run("answers", func(t *testing.T) {
		t.Parallel()
		both.each(t, func(t *testing.T, _ string, client *lambda.Client) {
			for _, tt := range answers {
				out, err := client.Invoke(t.Context(), &lambda.InvokeInput{
					FunctionName: aws.String("orders-dev-price"), Payload: []byte(tt.event),
				})
				require.NoError(t, err)
				assert.Equal(t, normal(t, []byte(tt.answer)), normal(t, out.Payload), tt.name)
			}
		})
	})
	t.Run("metadata", func(t *testing.T) {
		t.Parallel()
		both.each(t, func(t *testing.T, side string, client *lambda.Client) {
			out, err := client.Invoke(t.Context(), &lambda.InvokeInput{
				FunctionName: aws.String("orders-dev-price"), Payload: []byte(`{"records":[]}`), LogType: types.LogTypeTail,
			})
			require.NoError(t, err)
			_, known := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
			if side == "emulator" {
				// Lambda sends all three (API reference of Invoke, and its common headers); the emulator sends none.
				assert.False(t, known)
				assert.Nil(t, out.ExecutedVersion)
				assert.Nil(t, out.LogResult)
				return
			}
			assert.True(t, known)
			assert.Equal(t, "$LATEST", aws.ToString(out.ExecutedVersion))
			assert.Contains(t, logOf(t, out), "REPORT RequestId: ")
		})
	})
	t.Run("batcher", func(t *testing.T) {
		t.Parallel()
		for _, tt := range append(batchCases, many()) {
			t.Run(tt.name, func(t *testing.T) {
				both.each(t, func(t *testing.T, side string, client *lambda.Client) {
					want := tt.ours
					if side == "emulator" && tt.emulator != nil {
						want = tt.emulator
					}
					assert.Equal(t, want, outcomes(t, client, tt))
				})
			})
		}
	})
}
