package main

import (
	"errors"
	"sync"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

func copiedRow() row {
	return row{
		name: "floor: checked, copied, future per batch",
		does: "no library, a simple batcher that does with a record's bytes what lambdabatch engine does: checks that they are JSON, a string, copies them into " +
			"a request, and reads a result for each record from the response; bounds a batch by number and nothing else; a partial batch goes at " +
			"the end",
		start: startCopied,
	}
}

// copier gathers the bytes of records in requests, and lets their producers wait for the
// responses.
type copier struct {
	sink *sink
	size int
	sent sync.WaitGroup

	mu    sync.Mutex // protects batch
	batch *letter
}

// letter is a request, and the results of its records, to come.
type letter struct {
	request []byte
	results []uint64
	records int
	done    chan struct{}
}

// line is a record's place in a letter.
type line struct {
	of *letter
	at int
}

func startCopied(c *course) (run, error) {
	p := &copier{sink: c.sink, size: c.batch}
	return func() error {
		return batcher[line]{
			submit: p.add,
			await: func(f line, r *record) error {
				<-f.of.done
				return check(f.of.results[f.at], r)
			},
			finish: func() error { p.finish(); return nil },
		}.run(c)
	}, nil
}

func (p *copier) add(r *record) (line, error) {
	text := textOf(r)
	if !wire.Valid(text) {
		return line{}, errors.New("a record is not JSON")
	}
	p.mu.Lock()
	b := p.batch
	if b == nil {
		b = &letter{make([]byte, 0, p.size*recordSize), make([]uint64, p.size), 0, make(chan struct{})}
		p.batch = b
	}
	b.request = append(b.request, text...)
	at := b.records
	b.records++
	full := b.records == p.size
	if full {
		p.batch = nil
	}
	p.mu.Unlock()
	if full {
		p.sent.Go(func() { p.send(b) })
	}
	return line{b, at}, nil
}

func (p *copier) send(b *letter) {
	p.sink.count(b.records)
	for i := range b.records {
		number := orders.Number(orders.TextDigits(b.request[i*recordSize:]))
		if p.sink.seen != nil {
			p.sink.see(number)
		}
		b.results[i] = number
	}
	close(b.done)
}

func (p *copier) finish() {
	p.sent.Wait()
	if p.batch != nil {
		p.send(p.batch)
	}
}
