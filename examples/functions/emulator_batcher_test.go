package functions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
)

// A heavy client makes each record so many bytes heavier.
type heavy struct {
	*lambda.Client
	bytes int
}

func (h heavy) Invoke(ctx context.Context, in *lambda.InvokeInput, optFns ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	var sent struct{ Records []json.RawMessage }
	if err := json.Unmarshal(in.Payload, &sent); err != nil {
		return nil, err
	}
	heavier := *in
	heavier.Payload = spaces(string(in.Payload), len(in.Payload)+h.bytes*len(sent.Records))
	return h.Client.Invoke(ctx, &heavier, optFns...)
}

// A batchCase is a batch of records, sent by a Batcher to both Lambdas, and what becomes of each.
type batchCase struct {
	name     string
	function string
	opts     []lambdabatch.Option
	heavier  int
	records  []string
	ours     []string
	emulator []string // nil: the same
}

var batchCases = []batchCase{
	{
		name: "all outcomes", function: "price", opts: []lambdabatch.Option{lambdabatch.WithMaxAttempts(2)},
		records: []string{`{"item":"tea","count":3}`, `{"item":"milk","count":1}`, `{"item":"scone","count":1}`, `"tea"`, `{"item":"cake","count":1}`},
		ours: []string{
			`{"cents":750}`, "failure UnknownItemError: we do not sell milk", "retry NotReadyError: the scones are in the oven",
			"failure InvalidOrderError: an order has an item, and a count of 1 or more", `{"cents":410}`,
		},
	},
	{
		name: "one record fails the function", function: "odd", records: []string{`1`, `{"do":"throw"}`, `2`, `3`},
		ours: []string{`1`, "unhandled error OrderError: the handler has failed, executed", `2`, `3`},
		// Lambda gives the name of the error; see the same case on the wire.
		emulator: []string{`1`, "unhandled error Error: the handler has failed, executed", `2`, `3`},
	},
	{
		name: "one record runs into the timeout", function: "slow", records: []string{`1`, `{"do":"hang"}`},
		ours: []string{`1`, "timeout Sandbox.Timedout: …, executed"},
		// A Batcher knows a timeout by the words that Lambda has for it. These are others.
		emulator: []string{`1`, "unhandled error Error: [504] - Lambda timeout., executed"},
	},
	{
		name: "one record ends the process", function: "slow", records: []string{`1`, `{"do":"exit"}`},
		ours: []string{`1`, "exited Runtime.ExitError: …, executed"},
		// The emulator takes it for a timeout; see the same case on the wire.
		emulator: []string{`1`, "unhandled error Error: [504] - Lambda timeout., executed"},
	},
	{
		name: "too large together", function: "odd", heavier: 4 << 20, records: []string{`1`, `2`, `3`},
		ours: []string{`1`, `2`, `3`},
	},
	{
		name: "too large alone", function: "odd", heavier: 7 << 20, records: []string{`1`, `2`},
		ours: []string{"status 413, not executed", "status 413, not executed"},
	},
	{
		name: "an answer that is no batch's", function: "odd", records: []string{`{"do":"say","what":{"results":"none"}}`},
		ours: []string{"no result"},
	},
	{
		name: "Event", function: "odd", opts: []lambdabatch.Option{lambdabatch.WithInvocationType(types.InvocationTypeEvent)},
		records: []string{`1`, `{"do":"throw"}`},
		ours:    []string{"", ""},
	},
	{
		name: "unknown function", function: "nothing", records: []string{`1`, `2`},
		ours: []string{"status 404, not executed", "status 404, not executed"},
	},
}

// many is a case of many batches.
func many() batchCase {
	c := batchCase{name: "many", function: "price"}
	for i := range 400 {
		item, cents := []string{"tea", "coffee", "cake", "milk"}[i%4], []int{250, 320, 410, 0}[i%4]
		c.records = append(c.records, fmt.Sprintf(`{"item":%q,"count":%d}`, item, i+1))
		if cents > 0 {
			c.ours = append(c.ours, fmt.Sprintf(`{"cents":%d}`, cents*(i+1)))
		} else {
			c.ours = append(c.ours, "failure UnknownItemError: we do not sell milk")
		}
	}
	return c
}

// outcomes are those of the records in words.
func outcomes(t *testing.T, client *lambda.Client, c batchCase) []string {
	t.Helper()
	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(4), lambdabatch.Fixed())
	require.NoError(t, err)
	b, err := lambdabatch.New[json.RawMessage, json.RawMessage](heavy{client, c.heavier}, "orders-dev-"+c.function,
		append([]lambdabatch.Option{lambdabatch.WithLimiter(limiter)}, c.opts...)...)
	require.NoError(t, err)
	defer b.Close()
	futures := make([]*lambdabatch.Future[json.RawMessage], len(c.records))
	for i, r := range c.records {
		futures[i] = b.Submit(t.Context(), json.RawMessage(r))
	}
	out := make([]string, len(futures))
	for i, f := range futures {
		value, err := f.Await(t.Context())
		out[i] = outcome(value, err)
	}
	return out
}

func outcome(value json.RawMessage, err error) string {
	var record *lambdabatch.RecordError
	var function *lambdabatch.FunctionError
	var invoke *lambdabatch.InvokeError
	var response *awshttp.ResponseError
	switch {
	case err == nil:
		return string(value)
	case errors.As(err, &record):
		return fmt.Sprintf("%s %s: %s", record.Status, record.Type, record.Message)
	case errors.As(err, &function):
		message := function.Message
		if function.RequestID != "" && function.Kind != lambdabatch.KindUnhandled {
			message = "…" // it holds the request ID
		}
		return fmt.Sprintf("%v %s: %s, %v", function.Kind, function.Type, message, lambdabatch.CertaintyOf(err))
	case errors.As(err, &invoke) && errors.As(err, &response):
		return fmt.Sprintf("status %d, %v", response.HTTPStatusCode(), lambdabatch.CertaintyOf(err))
	case errors.Is(err, lambdabatch.ErrNoResult):
		return "no result"
	}
	return err.Error()
}
