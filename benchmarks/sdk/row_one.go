package main

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// oneRow sends a record as it is, each in an Invoke of its own, from as many goroutines
// as may be in flight. The function is one of single records, so there is no envelope to
// pay for.
func oneRow() row {
	return row{"one per Invoke", func(c *course) (*sender, error) { return startOne(c, c.server.client()), nil }}
}

// oneTunedRow has TunedClient instead of the SDK's own.
func oneTunedRow() row {
	return row{"one per Invoke, TunedClient", func(c *course) (*sender, error) {
		return startOne(c, c.server.client(lambdabatch.TunedClient(c.inFlight))), nil
	}}
}

func startOne(c *course, client *lambda.Client) *sender {
	ctx, name := context.Background(), functionName(one, c.size)
	push := func(next func() *orders.Record, stop *atomic.Bool) (n int, err error) {
		for !stop.Load() {
			r := next()
			out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(name), Payload: r.Data})
			if err != nil {
				return n, err
			}
			var got orders.Order
			if err := json.Unmarshal(out.Payload, &got); err != nil {
				return n, err
			}
			if err := check(got, r); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	return &sender{c.inFlight, push, func() error { return nil }}
}
