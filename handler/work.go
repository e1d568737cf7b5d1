package handler

import (
	"context"
	"sync"
	"time"
)

// outcome is what came of one record.
type outcome struct {
	data  []byte // JSON
	err   error
	retry bool
	after time.Duration
}

// unfinished is the outcome of a record that there was no time for.
var unfinished = outcome{err: errUnfinished, retry: true}

// work is the records of one invocation while they are worked on.
type work struct {
	do      func(ctx context.Context, i int) outcome
	chains  [][]int
	records int

	mu       sync.Mutex
	next     int // job
	left     int // records without an outcome
	outcomes []outcome
	over     bool // what comes now comes too late
	done     chan struct{}
}

func newWork(e *event, do func(ctx context.Context, i int) outcome) *work {
	w := &work{
		do: do, chains: e.chains, records: len(e.records), left: len(e.records),
		outcomes: make([]outcome, len(e.records)), done: make(chan struct{}),
	}
	for i := range w.outcomes {
		w.outcomes[i] = unfinished
	}
	return w
}

// run works on all records, so many at a time, until ctx ends.
func (w *work) run(ctx context.Context, workers int) []outcome {
	if w.records == 0 {
		return nil
	}
	for range min(workers, w.jobs()) {
		go w.worker(ctx)
	}
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.outcomes
}

func (w *work) jobs() int {
	if w.chains != nil {
		return len(w.chains)
	}
	return w.records
}

// worker takes one job after the other.
func (w *work) worker(ctx context.Context) {
	finished := false
	defer func() {
		if !finished { // runtime.Goexit in the user's function
			go w.worker(ctx)
		}
	}()
	for {
		job, ok := w.take()
		if !ok {
			break
		}
		if w.chains == nil {
			w.one(ctx, job)
			continue
		}
		w.chain(ctx, w.chains[job])
	}
	finished = true
}

func (w *work) take() (job int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.next == w.jobs() {
		return 0, false
	}
	w.next++
	return w.next - 1, true
}

// one works on one record, and reports whether it went well.
func (w *work) one(ctx context.Context, i int) bool {
	out := outcome{err: errExited}
	defer func() { w.finish(i, out) }()
	if ctx.Err() != nil {
		out = unfinished
	} else {
		out = w.do(ctx, i)
	}
	return out.err == nil
}

// chain works on records one after the other, as far as they go well.
func (w *work) chain(ctx context.Context, records []int) {
	held := records
	defer func() {
		for _, i := range held {
			w.finish(i, outcome{err: errHeld, retry: true})
		}
	}()
	for n, i := range records {
		held = records[n+1:]
		if !w.one(ctx, i) {
			return
		}
	}
}

func (w *work) finish(i int, out outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.outcomes[i] = out
	if w.left--; w.left == 0 {
		close(w.done)
	}
}
