package main

import (
	"context"

	"github.com/vikstrous/dataloadgen"
)

func dataloadgenRow() row {
	return row{
		name:   "dataloadgen",
		module: "github.com/vikstrous/dataloadgen",
		does: "github.com/vikstrous/dataloadgen, LoadThunk without a cache, thunks awaited: a result and an error for each record; " +
			"bounds a batch by number, neither batches in flight nor what is buffered; a partial batch goes by time; nothing is encoded",
		start: startDataloadgen,
	}
}

func startDataloadgen(c *course) (run, error) {
	handle := func(_ context.Context, batch []*record) ([]uint64, []error) {
		c.sink.take(batch)
		results := make([]uint64, len(batch))
		for i, r := range batch {
			results[i] = r.Number
		}
		return results, nil // no errors at all is allowed, and cheaper
	}
	l := dataloadgen.NewLoader(handle,
		dataloadgen.WithoutCache(),
		dataloadgen.WithBatchCapacity(c.batch),
		dataloadgen.WithWait(linger), // each batch has a goroutine that sleeps so long, also if it was full before
	)
	ctx := context.Background()
	return func() error {
		return batcher[func() (uint64, error)]{
			submit: func(r *record) (func() (uint64, error), error) { return l.LoadThunk(ctx, r), nil },
			await:  awaitThunk[func() (uint64, error)],
		}.run(c)
	}, nil
}
