package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
)

func invokerRow() row {
	return row{
		name: "floor: the invoker alone",
		does: "no batching: what stands for Lambda in hand-written and lambdabatch, called with requests that were made before; " +
			"what it takes is part of theirs",
		start: startInvoker,
	}
}

func startInvoker(c *course) (run, error) {
	f := &client{c.sink}
	calls := make([]caller, c.producers)
	for p := range calls {
		share, n := c.share(p), c.part(p)
		cl := &calls[p]
		cl.full = n / c.batch
		for batch := range slices.Chunk(share[:len(share)-len(share)%c.batch], c.batch) {
			cl.requests = append(cl.requests, function.Request(batch))
		}
		next := cl.full % len(cl.requests) * c.batch
		cl.rest = function.Request(share[next : next+n%c.batch])
	}
	return func() error {
		var all sync.WaitGroup
		errs := make([]error, len(calls))
		for p := range calls {
			all.Go(func() { errs[p] = calls[p].run(f) })
		}
		all.Wait()
		return errors.Join(errs...)
	}, nil
}

// caller makes the calls of one producer.
type caller struct {
	requests [][]byte // of full batches, to go round
	full     int      // how many to send
	rest     []byte   // and then this
}

func (cl *caller) run(f *client) error {
	ctx := context.Background()
	for i := range cl.full {
		if err := call(ctx, f, cl.requests[i%len(cl.requests)]); err != nil {
			return err
		}
	}
	if cl.rest == nil {
		return nil
	}
	return call(ctx, f, cl.rest)
}

func call(ctx context.Context, f *client, request []byte) error {
	out, err := f.Invoke(ctx, &lambda.InvokeInput{Payload: request})
	if err != nil {
		return err
	}
	if len(out.Payload) <= len(request) {
		return errors.New("the response has too little in it")
	}
	return nil
}
