package main

import (
	"context"
	"encoding/json"

	"github.com/lambdabatch/lambdabatch"
)

func lambdabatchRow() row {
	return row{
		name:   "lambdabatch",
		module: "github.com/lambdabatch/lambdabatch",
		does: "a Batcher with its default format, futures awaited: a value of a struct and an error for each record; bounds a batch and what " +
			"is buffered by number and bytes, and batches in flight; a partial batch goes by time; a record goes as the JSON it is, " +
			"after a check that it is, results are matched by ID and decoded as encoding/json does",
		start: startLambdabatch,
	}
}

func startLambdabatch(c *course) (run, error) {
	b, err := newBatcher[order](c, &client{c.sink})
	if err != nil {
		return nil, err
	}
	return futures(c, b, dataOf, func(got order) uint64 { return got.Number }), nil
}

// newBatcher makes a Batcher that knows no quota. A limiter must bound what is in
// flight, as in the other rows, and should not search for a quota that is not there:
// this is the public way to say so.
func newBatcher[Out any](c *course, client lambdabatch.Invoker, opts ...lambdabatch.Option) (*lambdabatch.Batcher[json.RawMessage, Out], error) {
	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(inFlight), lambdabatch.Fixed())
	if err != nil {
		return nil, err
	}
	opts = append(opts, lambdabatch.WithMaxRecords(c.batch), lambdabatch.WithLinger(linger), lambdabatch.WithLimiter(limiter))
	return lambdabatch.New[json.RawMessage, Out](client, "function", opts...)
}

// futures pushes records through a Batcher and awaits their futures.
func futures[Out any](
	c *course, b *lambdabatch.Batcher[json.RawMessage, Out], in func(*record) json.RawMessage, number func(Out) uint64,
) run {
	ctx := context.Background()
	return func() error {
		return batcher[*lambdabatch.Future[Out]]{
			submit: func(r *record) (*lambdabatch.Future[Out], error) { return b.Submit(ctx, in(r)), nil },
			await: func(f *lambdabatch.Future[Out], r *record) error {
				out, err := f.Await(ctx)
				if err != nil {
					return err
				}
				return check(number(out), r)
			},
			finish: b.Close,
		}.run(c)
	}
}
