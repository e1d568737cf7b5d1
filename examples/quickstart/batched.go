package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// batcher sends records as they came and takes any JSON for a result, so that
// every input and every function will do. A program of your own has types here.
type batcher struct {
	*lambdabatch.Batcher[json.RawMessage, json.RawMessage]
}

// newBatcher makes the Batcher for a quota of 10 invocations a second and a
// concurrency of 100. The limiter stays below both, as other callers have their
// share of them. A program with several functions gives one to all its Batchers.
func newBatcher(t *target, linger time.Duration) (*batcher, error) {
	limiter, err := lambdabatch.NewLimiter(
		lambdabatch.Rate(8, 15),
		lambdabatch.InFlight(80),
		lambdabatch.Fixed(),
	)
	if err != nil {
		return nil, err
	}
	b, err := lambdabatch.New[json.RawMessage, json.RawMessage](t.client, t.function,
		lambdabatch.WithMaxRecords(20),
		lambdabatch.WithLinger(linger),
		lambdabatch.WithLimiter(limiter),
	)
	if err != nil {
		return nil, err
	}
	return &batcher{b}, nil
}

// run sends all records and closes the Batcher.
func (b *batcher) run(ctx context.Context, _ *target, records []json.RawMessage, outcomes *tally) {
	futures := make(chan *lambdabatch.Future[json.RawMessage], len(records))
	go func() {
		defer close(futures)
		for _, record := range records {
			futures <- b.Submit(ctx, record)
		}
		// That was all: what waits for company waits in vain. Whatever becomes of
		// Shutdown, the futures tell.
		_ = b.Shutdown(ctx)
	}()
	for f := range futures {
		_, err := f.Await(context.Background()) // it ends with ctx
		outcomes.add(ctx, err)
	}
}
