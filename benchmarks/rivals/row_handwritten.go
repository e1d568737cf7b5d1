package main

import "github.com/lambdabatch/lambdabatch/benchmarks/internal/handwritten"

func handwrittenRow() row {
	return row{
		name: "hand-written",
		does: "a channel, a ticker, and a reply channel for each record, as services have them: a value of a struct and an error for each record; bounds " +
			"a batch by number, what is buffered by number, and batches in flight; a partial batch goes by time; " +
			"requests, responses and results go through encoding/json",
		start: startHandwritten,
	}
}

func startHandwritten(c *course) (run, error) {
	return func() error {
		h := handwritten.New(&client{c.sink}, handwritten.Settings{
			Function: "function", Records: c.batch, InFlight: inFlight, Pending: pending, Linger: linger,
		})
		return batcher[<-chan handwritten.Reply]{
			submit: func(r *record) (<-chan handwritten.Reply, error) { return h.Submit(r.Data), nil },
			await: func(result <-chan handwritten.Reply, r *record) error {
				got := <-result
				if got.Err != nil {
					return got.Err
				}
				return check(got.Out.Number, r)
			},
			finish: func() error { h.Close(); return nil },
		}.run(c)
	}, nil
}
