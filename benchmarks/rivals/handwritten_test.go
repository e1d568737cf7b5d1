package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

type invoker func(*lambda.InvokeInput) (*lambda.InvokeOutput, error)

func (f invoker) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	return f(in)
}

// TestHandwrittenFails: it is a true batcher, that tells of failures.
func TestHandwrittenFails(t *testing.T) {
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
		h := newHandwritten(invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) { return &answer.out, answer.err }), "f", 20)
		got := <-h.submit(newPool()[0].data) // sent when the ticker ticks
		if got.err == nil || !strings.Contains(got.err.Error(), want) {
			t.Errorf("%v, not %s", got.err, want)
		}
		h.close()
	}
}
