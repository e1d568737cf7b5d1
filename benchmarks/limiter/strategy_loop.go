package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// loop calls again and again until it succeeds.
type loop struct {
	wire  *wire
	pause func(attempt int) time.Duration
}

var payload = []byte(`{"records":[{"id":"1","data":1}]}`)

func (c loop) do(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		_, err := c.wire.Invoke(context.WithoutCancel(ctx), &lambda.InvokeInput{Payload: payload})
		if err == nil {
			return nil
		}
		if !sleep(ctx, c.pause(attempt)) {
			return ctx.Err()
		}
	}
}

func (c loop) close() {}

func looping(pause func(attempt int) time.Duration) func(*bench) ([]caller, error) {
	return func(b *bench) ([]caller, error) {
		var all []caller
		for i := range b.course.clients {
			all = append(all, loop{b.wire(i), pause})
		}
		return all, nil
	}
}

func constant(int) time.Duration { return 10 * time.Millisecond }

func fullJitter(attempt int) time.Duration {
	const base, limit = 100 * time.Millisecond, 5 * time.Second
	return rand.N(min(limit, base<<min(attempt, 10)))
}
