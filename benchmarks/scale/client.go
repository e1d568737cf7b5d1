package main

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// client stands for the SDK's client and the function behind it.
type client struct {
	gate                 chan struct{} // no invocation is answered until it is closed; nil does not wait
	records, invocations atomic.Int64
}

// Invoke answers each record with success and the data that it came with.
func (c *client) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if c.gate != nil {
		select {
		case <-c.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	out, n, err := function.Answer(in.Payload, orders.Size, nil)
	if err != nil {
		return nil, err
	}
	c.records.Add(int64(n))
	c.invocations.Add(1)
	return &lambda.InvokeOutput{StatusCode: 200, Payload: out}, nil
}
