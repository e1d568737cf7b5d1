package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// target is where the invocations of one run go.
type target struct {
	client   *lambda.Client
	function string
	counts   func() (invocations, throttled int)
	close    func()
}

// comparison is the two runs, ready to start. Each has a target of its own, so
// that the second does not pay for the first.
type comparison struct {
	where    string // the targets, in words
	progress *progress
	naive    *target // nil: left out
	batcher  *target
	batches  *batcher
}

// newComparison makes all that the runs need, and sends nothing.
func newComparison(ctx context.Context, s settings, p *progress) (*comparison, error) {
	open, where := openLocal, localInWords
	if s.function != "" {
		var err error
		if open, where, err = remote(ctx, s.function); err != nil {
			return nil, err
		}
	}
	c := &comparison{where: where, progress: p}
	var err error
	if !s.skipNaive {
		if c.naive, err = open(); err != nil {
			return nil, err
		}
	}
	if c.batcher, err = open(); err == nil {
		c.batches, err = newBatcher(c.batcher, s.linger)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *comparison) close() {
	for _, t := range []*target{c.naive, c.batcher} {
		if t != nil {
			t.close()
		}
	}
}

// run makes both runs. A run that ctx ended is reported as far as it came, and
// one that it kept from starting not at all.
func (c *comparison) run(ctx context.Context, in *input) report {
	r := report{Records: len(in.records), Input: in.name}
	if c.naive != nil {
		r.Naive = c.measure(ctx, "one by one", c.naive, in.records, naive)
	}
	if ctx.Err() == nil {
		r.Batcher = c.measure(ctx, "Batcher", c.batcher, in.records, c.batches.run)
	}
	r.Interrupted = ctx.Err() != nil && (r.Batcher == nil || r.Batcher.Succeeded+r.Batcher.Failed < r.Records)
	return r
}

type runner func(ctx context.Context, t *target, records []json.RawMessage, outcomes *tally)

// measure makes one run, and shows how it goes.
func (c *comparison) measure(ctx context.Context, label string, t *target, records []json.RawMessage, run runner) *result {
	var outcomes tally
	start := time.Now()
	now := func() result {
		r := outcomes.result()
		r.Invocations, r.Throttled = t.counts()
		r.Seconds = time.Since(start).Seconds()
		return r
	}
	stop := c.progress.watch(label, len(records), now)
	run(ctx, t, records, &outcomes)
	r := now()
	stop(r)
	return &r
}

// tally counts what became of the records. It may be used concurrently.
type tally struct {
	mu                sync.Mutex // protects following
	succeeded, failed int
	firstFailure      error
}

// add counts one record. One that was under way when the user interrupted
// is neither a success nor a failure.
func (t *tally) add(ctx context.Context, err error) {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.succeeded++
		return
	}
	if t.failed++; t.failed == 1 {
		t.firstFailure = err
	}
}

func (t *tally) result() result {
	t.mu.Lock()
	defer t.mu.Unlock()
	return result{Succeeded: t.succeeded, Failed: t.failed, firstFailure: t.firstFailure}
}
