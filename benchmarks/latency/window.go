package main

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// window is a batcher that seals first: when a batch is full, or a time after its first
// record. What is sealed waits for the limiter, first come, first served.
type window struct {
	client  *client
	limiter *rate.Limiter
	records int
	linger  time.Duration

	mu   sync.Mutex // protects open
	open *sealed    // nil if no record waits
}

// sealed is a batch, or is going to be one.
type sealed struct {
	records []*orders.Record
	timer   *time.Timer
	done    chan struct{} // closed when err is there
	err     error
}

// do sends one record, together with those that come in the same window.
func (w *window) do(_ context.Context, r *orders.Record) error {
	w.mu.Lock()
	if w.open == nil {
		batch := &sealed{done: make(chan struct{})}
		batch.timer = time.AfterFunc(w.linger, func() { w.seal(batch) })
		w.open = batch
	}
	batch := w.open
	batch.records = append(batch.records, r)
	full := len(batch.records) == w.records
	w.mu.Unlock()
	if full {
		w.seal(batch)
	}
	<-batch.done
	return batch.err
}

// seal is for the first who comes: the timer, or who has brought the last record.
func (w *window) seal(batch *sealed) {
	w.mu.Lock()
	mine := w.open == batch
	if mine {
		w.open = nil
	}
	w.mu.Unlock()
	if !mine {
		return
	}
	batch.timer.Stop()
	go func() {
		defer close(batch.done)
		if batch.err = w.limiter.Wait(context.Background()); batch.err == nil {
			_, batch.err = w.client.Invoke(context.Background(), &lambda.InvokeInput{Payload: function.Request(batch.records)})
		}
	}()
}
