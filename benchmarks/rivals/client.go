package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
)

// client stands for the client and the function behind it, of the rows that make
// whole requests. What it takes is a row of its own.
type client struct {
	sink *sink
}

// Invoke answers each record with success and the data that it came with.
func (c *client) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	see := c.sink.see
	if c.sink.seen == nil {
		see = nil
	}
	out, n, err := function.Answer(in.Payload, recordSize, see)
	if err != nil {
		return nil, err
	}
	c.sink.count(n)
	return &lambda.InvokeOutput{StatusCode: 200, Payload: out}, nil
}
