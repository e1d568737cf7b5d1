package main

import (
	"context"
	"math"

	"google.golang.org/api/support/bundler"
)

func bundlerRow() row {
	return row{
		name:   "bundler",
		module: "google.golang.org/api",
		does: "google.golang.org/api/support/bundler, AddWait: no results; bounds a batch by number and bytes, what is buffered by " +
			"bytes, and batches in flight; a partial batch goes by time; nothing is encoded",
		start: startBundler,
	}
}

func startBundler(c *course) (run, error) {
	b := bundler.NewBundler((*record)(nil), func(batch any) { c.sink.take(batch.([]*record)) })
	b.BundleCountThreshold = c.batch
	b.BundleByteThreshold = math.MaxInt // so that the number decides
	b.DelayThreshold = linger
	b.HandlerLimit = inFlight
	ctx := context.Background()
	return func() error {
		return batcher[struct{}]{
			submit: func(r *record) (struct{}, error) { return struct{}{}, b.AddWait(ctx, r, recordSize) },
			finish: func() error { b.Flush(); return nil },
		}.run(c)
	}, nil
}
