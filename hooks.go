package lambdabatch

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// Hooks are functions that are told what a [Batcher] does; see [WithHooks]. Each
// may be nil. They are called concurrently, by the goroutine that does the work,
// so they should be quick: the permit of an invocation is held until its Invoked
// has returned. They must not wait for the Batcher: Flush, Shutdown and Close in a
// hook, and Do in one that a permit is held for, can wait for themselves. A hook
// that panics fails the records it was told of.
type Hooks struct {
	// Sealed is called when a permit is there and a batch has been made for it.
	Sealed func(SealedEvent)

	// Invoking is called right before an invocation. The context that it returns
	// is the one of the call, and is given to Invoked; it must be derived from ctx.
	// Nil stands for ctx.
	Invoking func(ctx context.Context, e InvokingEvent) context.Context

	// Invoked is called when an invocation has been answered, or given up.
	Invoked func(ctx context.Context, e InvokedEvent)

	// Retried is called for each record that will be sent again.
	Retried func(RetriedEvent)

	// Resolved is called for each record, right before its future is done; also for
	// those that Submit has refused.
	Resolved func(ResolvedEvent)
}

// SealReason is why a batch was sealed when it was.
type SealReason uint8

// The reasons for sealing a batch. They name what made the lane ready; a batch
// that has become full until its permit was there is full.
const (
	// SealedFull is when the batch holds as many records as it may, or the buffer
	// does and nothing is in flight that could make room in it.
	SealedFull SealReason = SealReason(engine.Full)
	// SealedBytes is when the next record did not fit in.
	SealedBytes SealReason = SealReason(engine.Bytes)
	// SealedLinger is when the oldest record had waited for the linger.
	SealedLinger SealReason = SealReason(engine.Linger)
	// SealedDeadline is when a record's deadline pressed.
	SealedDeadline SealReason = SealReason(engine.Deadline)
	// SealedFlush is when Flush was called.
	SealedFlush SealReason = SealReason(engine.Flush)
	// SealedClose is when the Batcher was shutting down.
	SealedClose SealReason = SealReason(engine.Close)
	// SealedSplit is when the batch is a part of one that failed as a whole, or one
	// that is sent again as it was.
	SealedSplit SealReason = SealReason(engine.Split)
)

// String returns the reason in a word.
func (r SealReason) String() string {
	switch r {
	case SealedFull:
		return "full"
	case SealedBytes:
		return "bytes"
	case SealedLinger:
		return "linger"
	case SealedDeadline:
		return "deadline"
	case SealedFlush:
		return "flush"
	case SealedClose:
		return "close"
	case SealedSplit:
		return "split"
	default:
		return "unknown"
	}
}

// SealedEvent is a batch that has been made.
type SealedEvent struct {
	Function string
	Tenant   string
	Records  int
	Bytes    int // of the payload
	Reason   SealReason
}

// InvokingEvent is an invocation about to start.
type InvokingEvent struct {
	Function string
	Tenant   string
	Records  int
	Bytes    int // of the payload
}

// InvokedEvent is an invocation that is over.
type InvokedEvent struct {
	Function  string
	Tenant    string
	Records   int
	Bytes     int    // of the payload
	RequestID string // AWS's, empty if no answer came
	Duration  time.Duration
	Certainty Certainty            // whether the function ran
	Reason    types.ThrottleReason // of a throttle
	Throttled bool
	Err       error // the failure of the whole batch; nil when each record has its own outcome

	// Of a batch that was answered.
	Succeeded, Failed, Retry int // records, by what the answer says of them
	Missing                  int // records without a usable result
	Unmatched                int // results that belong to no record of the batch
}

// RetriedEvent is a record that will be sent again.
type RetriedEvent struct {
	Function string
	Tenant   string
	ID       string
	Delay    time.Duration // until it is ready to be sent
	Err      error         // why the last attempt did not do
}

// ResolvedEvent is a record with its outcome.
type ResolvedEvent struct {
	Function string
	Tenant   string
	ID       string
	Attempts int
	Err      error // nil: it succeeded. What a dead letter function says is not in it yet
}

// allHooks calls the hooks of several.
type allHooks []Hooks

func (all allHooks) sealed(e SealedEvent) {
	for _, h := range all {
		if h.Sealed != nil {
			h.Sealed(e)
		}
	}
}

func (all allHooks) invoking(ctx context.Context, e InvokingEvent) context.Context {
	for _, h := range all {
		if h.Invoking == nil {
			continue
		}
		if derived := h.Invoking(ctx, e); derived != nil {
			ctx = derived
		}
	}
	return ctx
}

func (all allHooks) invoked(ctx context.Context, e *InvokedEvent) {
	for _, h := range all {
		if h.Invoked != nil {
			h.Invoked(ctx, *e)
		}
	}
}

func (all allHooks) retried(e RetriedEvent) {
	for _, h := range all {
		if h.Retried != nil {
			h.Retried(e)
		}
	}
}

// awaitResolved tells whether any hook is told of records' outcomes.
func (all allHooks) awaitResolved() bool {
	return slices.ContainsFunc(all, func(h Hooks) bool { return h.Resolved != nil })
}

func (all allHooks) resolved(e ResolvedEvent) {
	for _, h := range all {
		if h.Resolved != nil {
			h.Resolved(e)
		}
	}
}
