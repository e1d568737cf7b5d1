package handler

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Record is one record of a batch.
type Record[In any] struct {
	ID   string // empty for those of an array, and for a single value
	Data In
}

// Result is what came of a record: Value, or Err if that is not nil.
type Result[Out any] struct {
	Value Out
	Err   error
}

// NewBatch makes a handler of a function that takes a batch as a whole, for a bulk
// insert for example. It returns a result for each record, in their order; an error,
// or another number of results, fails the invocation, and with it all records, as a
// panic does, and a function that has not returned when its time is over, see
// [DeadlineMargin]: a Batcher then splits the batch, and finds out which record it
// was. Records that cannot be decoded are not in the batch, they fail alone. The
// function is not called for an empty batch. It panics if f is nil.
func NewBatch[In, Out any](f func(ctx context.Context, records []Record[In]) ([]Result[Out], error), opts ...Option) *Handler {
	if f == nil {
		panic("handler: NewBatch(nil): must be a function")
	}
	h := &Handler{options: newOptions(opts)}
	h.work = func(ctx context.Context, e *event) ([]outcome, error) {
		outcomes := make([]outcome, len(e.records))
		var records []Record[In]
		var places []int
		for i := range e.records {
			r := &e.records[i]
			in := Record[In]{ID: string(r.id)}
			if err := decode(r, &in.Data); err != nil {
				outcomes[i].err = err
				continue
			}
			records, places = append(records, in), append(places, i)
		}
		results, err := callBatch(ctx, h, f, records)
		if err != nil {
			return nil, err
		}
		for n, i := range places {
			if err := results[n].Err; err != nil {
				outcomes[i] = failure(ctx, err)
			} else {
				outcomes[i].data, outcomes[i].err = encode(&results[n].Value)
			}
		}
		return outcomes, nil
	}
	return h
}

// callBatch calls the user's function.
func callBatch[In, Out any](
	ctx context.Context, h *Handler, f func(context.Context, []Record[In]) ([]Result[Out], error), records []Record[In],
) ([]Result[Out], error) {
	if len(records) == 0 {
		return nil, nil
	}
	type answer struct {
		results []Result[Out]
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		a := answer{err: errExited}
		defer func() {
			if v := recover(); v != nil {
				h.logger.ErrorContext(ctx, "handler: the function panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				a = answer{err: panicked(v)}
			}
			answered <- a
		}()
		a.results, a.err = f(ctx, records)
	}()
	select {
	case a := <-answered:
		switch {
		case a.err != nil:
			return nil, plain(a.err)
		case len(a.results) != len(records):
			return nil, fmt.Errorf("handler: the function returned %d results for %d records", len(a.results), len(records))
		}
		return a.results, nil
	case <-ctx.Done():
		return nil, errUnfinished
	}
}
