package main

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
		h := newHandwritten(&function{c.sink}, "function", c.batch)
		return batcher[<-chan reply]{
			submit: func(r *record) (<-chan reply, error) { return h.submit(r.data), nil },
			await: func(result <-chan reply, r *record) error {
				got := <-result
				if got.err != nil {
					return got.err
				}
				return check(got.out.Number, r)
			},
			finish: func() error { h.close(); return nil },
		}.run(c)
	}, nil
}
