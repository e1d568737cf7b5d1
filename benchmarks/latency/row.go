package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// row is a batcher with its settings.
type row struct {
	name   string
	linger time.Duration
	start  func(*client) (*doer, error)
}

// doer is a row that has started.
type doer struct {
	do    func(context.Context, *orders.Record) error
	close func() error
}

// lambdabatchRow is a Batcher with its defaults, but for the linger and what more says.
// Its limiter is one of its own, that finds the quota, or is told it by more.
func lambdabatchRow(linger time.Duration, more ...func() lambdabatch.Option) row {
	return row{"lambdabatch", linger, func(c *client) (*doer, error) {
		options := []lambdabatch.Option{lambdabatch.WithLinger(linger)}
		for _, option := range more {
			options = append(options, option())
		}
		b, err := lambdabatch.New[json.RawMessage, orders.Order](c, "function", options...)
		if err != nil {
			return nil, err
		}
		return &doer{
			do: func(ctx context.Context, r *orders.Record) error {
				got, err := b.Do(ctx, r.Data)
				if err == nil && got.Number != r.Number {
					err = fmt.Errorf("the result of record %d is that of %d", r.Number, got.Number)
				}
				return err
			},
			close: b.Close,
		}, nil
	}}
}

// windowRow is a batcher that seals before it asks the limiter.
func windowRow(linger time.Duration, q quota) row {
	return row{"fixed window", linger, func(c *client) (*doer, error) {
		w := &window{client: c, limiter: q.limiter(), records: batch, linger: linger}
		return &doer{w.do, func() error { return nil }}, nil
	}}
}

// batch is how many records a batch has at the most: the Batcher's default.
const batch = 20

// quota is how many invocations there may be.
type quota struct {
	perSecond float64
	burst     int
}

func (q quota) limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(q.perSecond), q.burst) }

// option has a Batcher ask the very limiter that the other batcher has.
func (q quota) option() lambdabatch.Option {
	return lambdabatch.WithLimiter(lambdabatch.FromRate(q.limiter()))
}
