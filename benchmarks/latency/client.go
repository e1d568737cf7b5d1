package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// client stands for the SDK's client and the function behind it.
type client struct {
	takes time.Duration
	seen  func(records int) // of each invocation
}

// Invoke answers each record with success and the data that it came with.
func (c *client) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	out, n, err := function.Answer(in.Payload, orders.Size, nil)
	if err != nil {
		return nil, err
	}
	c.seen(n)
	select {
	case <-time.After(c.takes):
		return &lambda.InvokeOutput{StatusCode: 200, Payload: out}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
