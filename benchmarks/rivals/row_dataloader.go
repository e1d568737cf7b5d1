package main

import (
	"context"

	"github.com/graph-gophers/dataloader/v7"
)

func dataloaderRow() row {
	return row{
		name:   "dataloader",
		module: "github.com/graph-gophers/dataloader/v7",
		does: "github.com/graph-gophers/dataloader/v7, Load without a cache, thunks awaited: a result and an error for each record; " +
			"bounds a batch by number, neither batches in flight nor what is buffered; a partial batch goes by time; nothing is encoded",
		start: startDataloader,
	}
}

func startDataloader(c *course) (run, error) {
	// A value for all and a pointer to each is the cheapest way to make what is asked for.
	handle := func(_ context.Context, batch []*record) []*dataloader.Result[uint64] {
		c.sink.take(batch)
		values := make([]dataloader.Result[uint64], len(batch))
		results := make([]*dataloader.Result[uint64], len(batch))
		for i, r := range batch {
			values[i].Data = r.Number
			results[i] = &values[i]
		}
		return results
	}
	l := dataloader.NewBatchedLoader(handle,
		dataloader.WithCache[*record, uint64](&dataloader.NoCache[*record, uint64]{}),
		dataloader.WithBatchCapacity[*record, uint64](c.batch),
		dataloader.WithInputCapacity[*record, uint64](c.batch), // each batch has a queue of this size: more is not used
		dataloader.WithWait[*record, uint64](linger),
	)
	ctx := context.Background()
	return func() error {
		return batcher[dataloader.Thunk[uint64]]{
			submit: func(r *record) (dataloader.Thunk[uint64], error) { return l.Load(ctx, r), nil },
			await:  awaitThunk[dataloader.Thunk[uint64]],
		}.run(c)
	}, nil
}

func awaitThunk[T ~func() (uint64, error)](thunk T, r *record) error {
	got, err := thunk()
	if err != nil {
		return err
	}
	return check(got, r)
}
