package main

import (
	"reflect"

	gocloud "gocloud.dev/pubsub/batcher"
)

func gocloudRow() row {
	return row{
		name:   "gocloud",
		module: "gocloud.dev",
		does: "gocloud.dev/pubsub/batcher, AddNoWait, smallest batch = largest batch: the result is the error of the whole batch; " +
			"bounds batches in flight, not what is buffered; a partial batch goes at Shutdown and never before; nothing is encoded",
		start: startGocloud,
	}
}

// startGocloud makes all batches full. The alternatives are no better: with a
// smallest batch of 1 the batcher sends whatever is there when a handler is free, and
// with full queues copies the queue for each batch; and Add, which waits, makes batches
// of one record each. (A partial batch would then go, which here it does not.)
func startGocloud(c *course) (run, error) {
	b := gocloud.New(reflect.TypeFor[*record](), &gocloud.Options{
		MinBatchSize: c.batch,
		MaxBatchSize: c.batch,
		MaxHandlers:  inFlight,
	}, func(batch any) error {
		c.sink.take(batch.([]*record))
		return nil
	})
	return func() error {
		return batcher[<-chan error]{
			submit: func(r *record) (<-chan error, error) { return b.AddNoWait(r), nil },
			await:  func(result <-chan error, _ *record) error { return <-result },
			finish: func() error { b.Shutdown(); return nil },
		}.run(c)
	}, nil
}
