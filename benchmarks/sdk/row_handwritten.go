package main

import (
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/handwritten"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// handwrittenRow is a batcher as services have them, with the SDK's own client.
func handwrittenRow() row {
	return row{"hand-written", func(c *course) (*sender, error) {
		h := handwritten.New(c.server.client(), handwritten.Settings{
			Function: functionName(batch, c.size),
			Records:  c.records, InFlight: c.inFlight, Pending: c.pending(), Linger: 10 * time.Millisecond,
		})
		push := pushes(c.pending()/producers,
			func(r *orders.Record) <-chan handwritten.Reply { return h.Submit(r.Data) },
			func(reply <-chan handwritten.Reply) (orders.Order, error) { got := <-reply; return got.Out, got.Err },
			nil) // the ticker ticks
		return &sender{producers, push, func() error { h.Close(); return nil }}, nil
	}}
}
