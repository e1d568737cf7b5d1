package handwritten

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

type invoker func(*lambda.InvokeInput) (*lambda.InvokeOutput, error)

func (f invoker) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	return f(in)
}

// TestFails: it is a true batcher, that tells of failures.
func TestFails(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]struct {
		out lambda.InvokeOutput
		err error
	}{
		"no connection": {err: errors.New("no connection")},
		"Unhandled":     {out: lambda.InvokeOutput{FunctionError: aws.String("Unhandled")}},
		"unexpected":    {out: lambda.InvokeOutput{Payload: []byte(`{"results":[`)}},
		`record 0: ""`:  {out: lambda.InvokeOutput{Payload: []byte(`{"results":[]}`)}},
		`"failure"`:     {out: lambda.InvokeOutput{Payload: []byte(`{"results":[{"id":"0","status":"failure"}]}`)}},
		"cannot":        {out: lambda.InvokeOutput{Payload: []byte(`{"results":[{"id":"0","status":"success","data":[]}]}`)}},
	} {
		client := invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) { return &answer.out, answer.err })
		h := New(client, Settings{Function: "f", Records: 20, InFlight: 1, Pending: 20, Linger: 10 * time.Millisecond})
		got := <-h.Submit(orders.Pool(1, orders.Size)[0].Data) // sent when the ticker ticks
		if got.Err == nil || !strings.Contains(got.Err.Error(), want) {
			t.Errorf("%v, not %s", got.Err, want)
		}
		h.Close()
	}
}
