package main

import (
	"errors"
	"fmt"
	"sync"
)

// batcher is how to push records through one. T stands for a result to come.
type batcher[T any] struct {
	submit func(*record) (T, error)
	await  func(T, *record) error // waits for the result, and checks it; nil if there are none
	finish func() error           // sends what is left, and waits for it; nil if there is no such thing
}

// run is the work of all producers: each submits its share, and awaits what it has
// submitted pending records before. What is pending at the end is awaited after
// finish, because some batchers would keep it for ever without.
func (b batcher[T]) run(c *course) error {
	var submitted, done sync.WaitGroup
	finished := make(chan struct{})
	errs := make([]error, c.producers, c.producers+1)
	for p := range c.producers {
		pr := &producer[T]{batcher: b, records: c.share(p), n: c.part(p)}
		submitted.Add(1)
		done.Go(func() {
			errs[p] = pr.push()
			submitted.Done()
			<-finished
			if errs[p] == nil {
				errs[p] = pr.drain()
			}
		})
	}
	submitted.Wait()
	if b.finish != nil {
		errs = append(errs, b.finish())
	}
	close(finished)
	done.Wait()
	return errors.Join(errs...)
}

// share is the records of a producer, which are nobody else's.
func (c *course) share(p int) []*record {
	each := len(c.pool) / c.producers
	return c.pool[p*each : (p+1)*each]
}

// part is how many a producer submits.
func (c *course) part(p int) int {
	n := c.records / c.producers
	if p < c.records%c.producers {
		n++
	}
	return n
}

// producer is one of those who submit.
type producer[T any] struct {
	batcher[T]
	records []*record // what it submits, again and again
	n       int       // how many in all
	waiting [pending]T
}

func (p *producer[T]) push() error {
	next, oldest := 0, 0 // in records
	for i := range p.n {
		slot := &p.waiting[i%pending]
		if p.await != nil && i >= pending {
			if err := p.await(*slot, p.records[oldest]); err != nil {
				return err
			}
			oldest = p.after(oldest)
		}
		var err error
		if *slot, err = p.submit(p.records[next]); err != nil {
			return err
		}
		next = p.after(next)
	}
	return nil
}

// drain awaits what is pending still.
func (p *producer[T]) drain() error {
	if p.await == nil {
		return nil
	}
	for i := max(0, p.n-pending); i < p.n; i++ {
		if err := p.await(p.waiting[i%pending], p.records[i%len(p.records)]); err != nil {
			return err
		}
	}
	return nil
}

func (p *producer[T]) after(i int) int {
	if i++; i < len(p.records) {
		return i
	}
	return 0
}

// check is what is asked of each result: that it is this record's.
func check(got uint64, r *record) error {
	if got != r.Number {
		return fmt.Errorf("the result of record %d is that of %d", r.Number, got)
	}
	return nil
}
