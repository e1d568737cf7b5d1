package main

import (
	"context"
	"encoding/json"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// lambdabatchRow is a Batcher with the client that its documentation recommends. Its
// limiter knows how many may be in flight, and does not search for a quota: there is
// none.
func lambdabatchRow() row {
	return row{"lambdabatch", startLambdabatch}
}

func startLambdabatch(c *course) (*sender, error) {
	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(c.inFlight), lambdabatch.Fixed())
	if err != nil {
		return nil, err
	}
	options := []lambdabatch.Option{
		lambdabatch.WithLimiter(limiter),
		lambdabatch.WithMaxRecords(c.records),
		lambdabatch.WithMaxBuffered(c.pending(), 1<<30),
	}
	if c.bytes > 0 {
		options = append(options, lambdabatch.WithMaxBytes(c.bytes))
	}
	client := c.server.client(lambdabatch.TunedClient(c.inFlight))
	b, err := lambdabatch.New[json.RawMessage, orders.Order](client, functionName(batch, c.size), options...)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	push := pushes(c.pending()/producers,
		func(r *orders.Record) *lambdabatch.Future[orders.Order] { return b.Submit(ctx, r.Data) },
		func(f *lambdabatch.Future[orders.Order]) (orders.Order, error) { return f.Await(ctx) },
		func() error { return b.Flush(ctx) })
	return &sender{producers, push, b.Close}, nil
}
