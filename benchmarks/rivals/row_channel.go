package main

func channelRow() row {
	return row{
		name: "floor: channel and goroutine",
		does: "no library, the least with a channel: no results, bounds a batch by number, what is buffered by number, and handles a batch " +
			"at a time; a partial batch goes at the end; nothing is encoded",
		start: startChannel,
	}
}

func startChannel(c *course) (run, error) {
	records, done := make(chan *record, pending), make(chan struct{})
	collect := func() {
		defer close(done)
		batch := make([]*record, 0, c.batch)
		for r := range records {
			if batch = append(batch, r); len(batch) == c.batch {
				c.sink.take(batch)
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			c.sink.take(batch)
		}
	}
	return func() error {
		go collect()
		return batcher[struct{}]{
			submit: func(r *record) (struct{}, error) { records <- r; return struct{}{}, nil },
			finish: func() error { close(records); <-done; return nil },
		}.run(c)
	}, nil
}
