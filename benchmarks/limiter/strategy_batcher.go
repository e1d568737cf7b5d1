package main

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch"
)

// batched does each job as a batch of one record, so that a strategy is all that
// tells it from the others: whatever a Batcher gains by its batches is left out.
type batched struct {
	batcher *lambdabatch.Batcher[int, int]
}

func (c batched) do(ctx context.Context) error {
	_, err := c.batcher.Do(ctx, 1)
	return err
}

func (c batched) close() { _ = c.batcher.Close() } // always nil

func newBatched(b *bench, client int, limiter lambdabatch.Limiter, opts ...lambdabatch.Option) (caller, error) {
	opts = append([]lambdabatch.Option{
		lambdabatch.WithLimiter(limiter),
		lambdabatch.WithMaxRecords(1),
		lambdabatch.WithLinger(0),
		lambdabatch.WithMaxBuffered(math.MaxInt32, math.MaxInt32),
	}, opts...)
	batcher, err := lambdabatch.New[int, int](b.wire(client), function, opts...)
	return batched{batcher}, err
}

// each makes a Batcher for each client.
func each(b *bench, limiter func() (lambdabatch.Limiter, error), opts ...lambdabatch.Option) ([]caller, error) {
	var all []caller
	for i := range b.course.clients {
		l, err := limiter()
		if err != nil {
			return nil, err
		}
		one, err := newBatched(b, i, l, opts...)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func adaptive(b *bench) ([]caller, error) {
	return each(b, func() (lambdabatch.Limiter, error) {
		l, err := lambdabatch.NewLimiter()
		if err == nil {
			b.think(ideaOf(l))
		}
		return l, err
	})
}

func adaptiveShared(b *bench) ([]caller, error) {
	l, err := lambdabatch.NewLimiter()
	if err != nil {
		return nil, err
	}
	b.think(ideaOf(l))
	return each(b, func() (lambdabatch.Limiter, error) { return l, nil })
}

// fixed is the recipe of a forum: 8 a second, a burst of 15, 5 retries after 100 ms,
// 200 ms and so on, 30 % of it at random.
func fixed(b *bench) ([]caller, error) {
	return each(b, func() (lambdabatch.Limiter, error) {
		return lambdabatch.NewLimiter(lambdabatch.Rate(8, 15), lambdabatch.Fixed())
	}, lambdabatch.WithBackoff(func() backoff.BackOff { return &fewRetries{} }))
}

type fewRetries struct{ n int }

func (r *fewRetries) NextBackOff() time.Duration {
	if r.n == 5 {
		return backoff.Stop
	}
	d := 100 * time.Millisecond << r.n
	r.n++
	return time.Duration(float64(d) * (0.7 + 0.6*rand.Float64()))
}

func (r *fewRetries) Reset() { r.n = 0 }
