package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambdabatch/lambdabatch"
)

const (
	// maxBatch is how many entries a batch of the SQS API has at the most, and maxBatchBytes how large the messages of one
	// are together (Amazon SQS Developer Guide, "Amazon SQS message quotas").
	maxBatch      = 10
	maxBatchBytes = 1 << 20

	// tensLinger is how long an entry waits for company. It costs the latency of no result, and the next message of a
	// group waits for it.
	tensLinger = 20 * time.Millisecond

	callTimeout = 10 * time.Second // of one call that is no long poll, the SDK's retries included
)

// entryError is what SQS says of one entry of a batch.
type entryError struct {
	code, message string
	ours          bool // repeating it cannot help
}

func (e *entryError) Error() string { return fmt.Sprintf("%s: %s", e.code, e.message) }

// tens gathers entries from many goroutines into batches of ten, and repeats what fails.
type tens[E any] struct {
	ctx  context.Context // of the calls
	call func(ctx context.Context, entries []E) ([]types.BatchResultErrorEntry, error)
	size func(E) int // nil: sizes do not matter
	fail func(error) // is told of each call that failed

	mu      sync.Mutex // protects following
	waiting []*waiting[E]
	bytes   int
	timer   *time.Timer
}

type waiting[E any] struct {
	entry E
	done  chan error
}

// do brings one entry to SQS, and returns when it has been answered for good. still says until when that makes sense.
func (t *tens[E]) do(entry E, still func() bool) error {
	backoff := lambdabatch.FullJitter(200*time.Millisecond, 5*time.Second)
	for {
		if !still() {
			return ErrVisibilityLost
		}
		err := t.once(entry)
		var refused *entryError
		if err == nil || errors.As(err, &refused) && refused.ours || fatal(err) {
			return err
		}
		if wait(t.ctx, backoff.NextBackOff()) != nil {
			return err
		}
	}
}

func (t *tens[E]) once(entry E) error {
	w := &waiting[E]{entry, make(chan error, 1)}
	size := 0
	if t.size != nil {
		size = t.size(entry)
	}
	t.mu.Lock()
	var ready []*waiting[E]
	if t.bytes+size > maxBatchBytes && len(t.waiting) > 0 {
		ready = t.takeLocked()
	}
	t.waiting = append(t.waiting, w)
	t.bytes += size
	var full []*waiting[E]
	switch len(t.waiting) {
	case maxBatch:
		full = t.takeLocked()
	case 1:
		t.timer = time.AfterFunc(tensLinger, t.flush)
	}
	t.mu.Unlock()
	if ready != nil {
		go t.send(ready)
	}
	if full != nil {
		t.send(full)
	}
	return <-w.done
}

func (t *tens[E]) takeLocked() []*waiting[E] {
	taken := t.waiting
	t.waiting, t.bytes = nil, 0
	if t.timer != nil {
		t.timer.Stop()
	}
	return taken
}

func (t *tens[E]) flush() {
	t.mu.Lock()
	taken := t.takeLocked()
	t.mu.Unlock()
	if len(taken) > 0 {
		t.send(taken)
	}
}

func (t *tens[E]) send(all []*waiting[E]) {
	entries := make([]E, len(all))
	for i, w := range all {
		entries[i] = w.entry
	}
	ctx, cancel := context.WithTimeout(t.ctx, callTimeout)
	defer cancel()
	refused, err := t.call(ctx, entries)
	if err != nil {
		t.fail(err)
		for _, w := range all {
			w.done <- err
		}
		return
	}
	errs := entryErrors(refused, len(all))
	if i := slices.IndexFunc(errs, fatal); i >= 0 {
		t.fail(errs[i])
	}
	for i, w := range all {
		w.done <- errs[i]
	}
}

// entryErrors are the errors of a batch of n whose IDs are their places.
func entryErrors(refused []types.BatchResultErrorEntry, n int) []error {
	errs := make([]error, n)
	for _, r := range refused {
		if i, err := strconv.Atoi(aws.ToString(r.Id)); err == nil && i >= 0 && i < n {
			errs[i] = &entryError{aws.ToString(r.Code), aws.ToString(r.Message), r.SenderFault}
		}
	}
	return errs
}

// wait returns the error of ctx if that ends before d has passed.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
