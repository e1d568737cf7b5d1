package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// The ends of a record that the engine decides itself.
var (
	ErrClosed         = errors.New("lambdabatch: the Batcher is closed")
	ErrBufferFull     = errors.New("lambdabatch: the buffer is full")
	ErrRecordTooLarge = errors.New("lambdabatch: the record is too large")
	// ErrExited is of records whose goroutine was ended by code of others, such as a
	// testing.T's FailNow in a test's own Invoker.
	ErrExited = errors.New("lambdabatch: runtime.Goexit was called by code that is not the Batcher's")

	// ErrHopeless is of records that were given up because others failed.
	ErrHopeless = errors.New("lambdabatch: the function fails whatever record it is given")

	ErrDeliveryTimeout = errors.New("lambdabatch: the record's delivery timeout has passed")
)

// Ended is the error of a record that did not simply fail in its only
// attempt: its time was over, or several attempts went before.
type Ended struct {
	Cause     error // why it ended; nil when it was given up after Last
	Attempts  int
	Certainty fault.Certainty
	Last      error // the error of the last attempt, if one failed
}

func (e *Ended) Error() string {
	attempts := strconv.Itoa(e.Attempts) + " attempts"
	if e.Attempts == 1 {
		attempts = "1 attempt"
	}
	switch {
	case e.Cause == nil:
		return fmt.Sprintf("lambdabatch: the last of %s failed: %v", attempts, e.Last)
	case e.Last != nil:
		return fmt.Sprintf("%v (%v, after %s; the last: %v)", e.Cause, e.Certainty, attempts, e.Last)
	default:
		return fmt.Sprintf("%v (%v)", e.Cause, e.Certainty)
	}
}

// Unwrap makes both the cause and the last attempt's error visible to
// errors.Is and errors.As.
func (e *Ended) Unwrap() []error {
	errs := make([]error, 0, 2)
	for _, err := range []error{e.Cause, e.Last} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// contextError is the end of ctx with its cause, if the two differ.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case cause == nil || errors.Is(cause, err):
		return fmt.Errorf("lambdabatch: the record's context ended: %w", err)
	case errors.Is(cause, ErrDeliveryTimeout):
		return cause
	default:
		return fmt.Errorf("lambdabatch: the record's context ended: %w: %w", err, cause)
	}
}
