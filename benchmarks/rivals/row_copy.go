package main

import (
	"errors"
	"sync"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

func copyRow() row {
	return row{
		name:  "floor: copied, future per batch",
		does:  "no library",
		start: startCopy,
	}
}

type copier struct {
	sink *sink
	size int
	sent sync.WaitGroup

	mu    sync.Mutex // protects batch
	batch *copied
}

type copied struct {
	payload []byte
	results []uint64
	n       int
	done    chan struct{}
}

type place struct {
	of *copied
	at int
}

var errNotJSON = errors.New("not JSON")

func startCopy(c *course) (run, error) {
	p := &copier{sink: c.sink, size: c.batch}
	return func() error {
		return batcher[place]{
			submit: func(r *record) (place, error) { return p.add(r.Text) },
			await: func(f place, r *record) error {
				<-f.of.done
				return check(f.of.results[f.at], r)
			},
			finish: func() error { p.finish(); return nil },
		}.run(c)
	}, nil
}

func (p *copier) add(data []byte) (place, error) {
	if !wire.Valid(data) {
		return place{}, errNotJSON
	}
	p.mu.Lock()
	b := p.batch
	if b == nil {
		b = &copied{make([]byte, 0, p.size*recordSize), make([]uint64, p.size), 0, make(chan struct{})}
		p.batch = b
	}
	at := b.n
	b.payload = append(b.payload, data...)
	b.n++
	full := b.n == p.size
	if full {
		p.batch = nil
	}
	p.mu.Unlock()
	if full {
		p.sent.Go(func() { p.send(b) })
	}
	return place{b, at}, nil
}

func (p *copier) send(b *copied) {
	p.sink.count(b.n)
	for i := range b.n {
		digits := orders.TextDigits(b.payload[i*recordSize:])
		n := orders.Number(digits)
		if p.sink.seen != nil {
			p.sink.see(n)
		}
		b.results[i] = n
	}
	close(b.done)
}

func (p *copier) finish() {
	p.sent.Wait()
	if p.batch != nil {
		p.send(p.batch)
	}
}
