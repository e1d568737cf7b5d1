package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

type (
	batcher = lambdabatch.Batcher[json.RawMessage, orders.Order]
	future  = lambdabatch.Future[orders.Order]
)

// inFlight is how many invocations there are at a time: no quota is looked for, because
// there is none.
const inFlight = 8

// plenty is how many bytes the buffers may hold: their bound is the number of records.
const plenty = 1 << 40

// newBatchers makes count Batchers on one limiter, a function each. Each may hold buffered
// records.
func newBatchers(c *client, count, buffered int) ([]*batcher, error) {
	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(inFlight), lambdabatch.Fixed())
	if err != nil {
		return nil, err
	}
	all := make([]*batcher, count)
	for i := range all {
		all[i], err = lambdabatch.New[json.RawMessage, orders.Order](c, fmt.Sprintf("function-%d", i),
			lambdabatch.WithLimiter(limiter), lambdabatch.WithMaxBuffered(buffered, plenty))
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func closeAll(all []*batcher) error {
	errs := make([]error, len(all))
	for i, b := range all {
		errs[i] = b.Close()
	}
	return errors.Join(errs...)
}

// await waits for a future, and checks that its result is the record's.
func await(f *future, r *orders.Record) error {
	out, err := f.Await(context.Background())
	return check(out, err, r)
}

// do sends a record and waits for it.
func do(b *batcher, r *orders.Record) error {
	out, err := b.Do(context.Background(), r.Data)
	return check(out, err, r)
}

func check(out orders.Order, err error, r *orders.Record) error {
	if err == nil && out.Number != r.Number {
		err = fmt.Errorf("the result of record %d is that of %d", r.Number, out.Number)
	}
	return err
}
