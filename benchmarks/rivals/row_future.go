package main

import "sync"

func futureRow() row {
	return row{
		name: "floor: mutex, slice, future per batch",
		does: "no library, the least that gives a result for each record: bounds a batch by number and nothing else; a partial batch goes " +
			"at the end; nothing is encoded",
		start: startFuture,
	}
}

// promiser gathers records in a slice, and lets their producers wait for the batch.
type promiser struct {
	sink *sink
	size int
	sent sync.WaitGroup

	mu    sync.Mutex // protects batch
	batch *promise
}

// promise is a batch and its results, to come.
type promise struct {
	records []*record
	results []uint64
	done    chan struct{}
}

// part is a record's place in a batch.
type part struct {
	of *promise
	at int
}

func startFuture(c *course) (run, error) {
	p := &promiser{sink: c.sink, size: c.batch}
	return func() error {
		return batcher[part]{
			submit: func(r *record) (part, error) { return p.add(r), nil },
			await: func(f part, r *record) error {
				<-f.of.done
				return check(f.of.results[f.at], r)
			},
			finish: func() error { p.finish(); return nil },
		}.run(c)
	}, nil
}

func (p *promiser) add(r *record) part {
	p.mu.Lock()
	b := p.batch
	if b == nil {
		b = &promise{make([]*record, 0, p.size), make([]uint64, p.size), make(chan struct{})}
		p.batch = b
	}
	at := len(b.records)
	b.records = append(b.records, r)
	full := at+1 == p.size
	if full {
		p.batch = nil
	}
	p.mu.Unlock()
	if full {
		p.sent.Go(func() { p.send(b) })
	}
	return part{b, at}
}

func (p *promiser) send(b *promise) {
	p.sink.take(b.records)
	for i, r := range b.records {
		b.results[i] = r.Number
	}
	close(b.done)
}

func (p *promiser) finish() {
	p.sent.Wait()
	if p.batch != nil {
		p.send(p.batch)
	}
}
