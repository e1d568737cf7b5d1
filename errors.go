package lambdabatch

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// The errors that the Batcher itself gives a record. Find them with
// [errors.Is]; CertaintyOf tells whether an earlier attempt may have run.
var (
	// ErrClosed is the error of a record submitted after Shutdown or Close, and of
	// one that was still under way when the context of Shutdown ended.
	ErrClosed = engine.ErrClosed

	// ErrBufferFull is the error of a record for which there was no room, when
	// [WithFailFast] is given.
	ErrBufferFull = engine.ErrBufferFull

	// ErrRecordTooLarge is the error of a record that fits into no batch. The text
	// says how large it is, and what the limit is, in bytes.
	ErrRecordTooLarge = engine.ErrRecordTooLarge

	// ErrNotEncodable is in the error of a record that cannot be sent: its value does
	// not encode, or its ID or another RecordOption cannot be. The function never saw it,
	// and submitting it again cannot help.
	ErrNotEncodable = errors.New("lambdabatch: the record cannot be encoded")

	// ErrNoResult is the error of a record for which the function ran and its
	// answer holds no usable result. A [*ResultError] says what came.
	ErrNoResult = errors.New("lambdabatch: no usable result for the record")

	// ErrFunctionFails is in the error of a record that was given up without having
	// failed alone, because the function fails whatever record it is given; beside it
	// is the [*FunctionError] of the record's last batch.
	ErrFunctionFails = engine.ErrHopeless

	// ErrRetryBudget is in the error of a record that was not retried because the
	// budget was spent; see [WithRetryBudget].
	ErrRetryBudget = engine.ErrRetryBudget

	// ErrDeliveryTimeout is the error of a record whose time was over; see
	// [WithDeliveryTimeout].
	ErrDeliveryTimeout = engine.ErrDeliveryTimeout
)

// Certainty says whether a function has seen a record. It is what decides
// whether the record can be sent again without any harm.
type Certainty uint8

// What may be known of an attempt, or of all attempts of a record together.
const (
	// MaybeExecuted is when the request was sent and no answer came, or when
	// nothing is known. It is the zero value.
	MaybeExecuted Certainty = Certainty(fault.MaybeExecuted)
	// NotExecuted is when the function surely has not seen the record.
	NotExecuted Certainty = Certainty(fault.NotExecuted)
	// Executed is when the function has run.
	Executed Certainty = Certainty(fault.Executed)
)

// String returns "maybe executed", "not executed" or "executed".
func (c Certainty) String() string { return fault.Certainty(c).String() }

// CertaintyOf tells whether a function may have seen the record that ended with
// err, in any of its attempts. Of an error that is not from this package it
// knows nothing: MaybeExecuted. For nil it returns Executed, which for an Event
// invocation means that Lambda will see to it.
func CertaintyOf(err error) Certainty {
	if err == nil {
		return Executed
	}
	certainty, _ := certaintyIn(err)
	return certainty
}

// certaintyIn is what the outermost error in err that knows says of the record.
// Within that one there may be others, which are about something else: an error of
// another Batcher that a dead letter function returns, for example.
func certaintyIn(err error) (certainty Certainty, known bool) {
	switch e := err.(type) { //nolint:errorlint // this is what unwraps
	case *engine.Ended: // knows of all attempts
		return Certainty(e.Certainty), true
	case *InvokeError:
		return e.Certainty, true
	case *FunctionError, *RecordError, *ResultError:
		return Executed, true
	case *encodeError:
		return NotExecuted, true
	case *buryError:
		return certaintyIn(e.err)
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return certaintyIn(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if certainty, known = certaintyIn(inner); known {
				return certainty, true
			}
		}
	}
	if slices.Contains([]error{ErrClosed, ErrBufferFull, ErrRecordTooLarge}, err) {
		return NotExecuted, true
	}
	return MaybeExecuted, false
}

func isA[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

// InvokeError is the error of the records of an invocation that Lambda did not
// carry out, or whose answer did not arrive; or for which the limiter gave no
// permit. It comes as a pointer. Its Certainty is that of this one invocation:
// CertaintyOf knows of all attempts of a record.
type InvokeError struct {
	Function  string    // as given to New
	RequestID string    // AWS's, empty if no answer came
	Certainty Certainty // whether the function may have run
	Err       error     // the SDK's error; [errors.As] finds its types through the InvokeError
}

func (e *InvokeError) Error() string {
	return fmt.Sprintf("lambdabatch: invoking %s: %v (%v)", e.Function, e.Err, e.Certainty)
}

// Unwrap returns Err.
func (e *InvokeError) Unwrap() error { return e.Err }

// FunctionErrorKind is the way in which a function failed.
type FunctionErrorKind uint8

// The ways in which a function can fail. Lambda tells them apart only in the
// text of its answer.
const (
	// KindUnhandled is an error or a panic that the function's code did not catch.
	KindUnhandled FunctionErrorKind = iota
	// KindHandled is an error that the runtime reports as handled.
	KindHandled
	// KindTimeout is when the function ran into its timeout.
	KindTimeout
	// KindOutOfMemory is when the function was killed for its use of memory.
	KindOutOfMemory
	// KindExited is when the function's process ended before it answered.
	KindExited
	// KindResponseTooLarge is when the answer had more than Lambda's 6,291,556 bytes.
	KindResponseTooLarge
)

// String returns the kind in words.
func (k FunctionErrorKind) String() string {
	switch k {
	case KindHandled:
		return "handled error"
	case KindTimeout:
		return "timeout"
	case KindOutOfMemory:
		return "out of memory"
	case KindExited:
		return "exited"
	case KindResponseTooLarge:
		return "response too large"
	default:
		return "unhandled error"
	}
}

// FunctionError is the error of the records of an invocation in which the
// function failed as a whole. The function has run, perhaps in part. It comes as
// a pointer.
type FunctionError struct {
	Function  string // as given to New
	RequestID string // AWS's; it is in the function's log, too
	Kind      FunctionErrorKind
	Type      string // errorType as the function's runtime reports it, may be empty
	Message   string // errorMessage, likewise
	Trace     []byte // the stack trace, JSON as it came; its form depends on the runtime
	Log       string // the last 4 KB of the function's log, with [WithLogTail]
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("lambdabatch: function %s failed: %v%s%s%s",
		e.Function, e.Kind, after(": ", e.Type), after(": ", e.Message), after(", request ", e.RequestID))
}

func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// RecordError is the error of a record that the function refused in its
// answer, while others of the batch may have succeeded. It comes as a pointer.
type RecordError struct {
	ID         string
	Status     string // "failure", "retry", or the word that came in their place
	Type       string // of the error, as the function says; may be empty
	Message    string
	Retryable  bool          // the function asked for the record again
	RetryAfter time.Duration // and not before this
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("lambdabatch: record %s: the function answered %q%s%s",
		e.ID, e.Status, after(": ", e.Type), after(": ", e.Message))
}

// ResultError is the error of a record for which the function's answer holds
// no usable result: it is missing or doubled, or the answer as a whole cannot be
// understood, or the result's data does not fit the Batcher's Out. It comes as a
// pointer.
type ResultError struct {
	ID        string // of the record
	RequestID string // AWS's; it is in the function's log, too
	Problem   string // what is wrong, in words
	Payload   []byte // the first bytes of the answer, at most 256
	Err       error  // ErrNoResult, or why the data cannot be decoded
}

func (e *ResultError) Error() string {
	came := "the answer is empty"
	if len(e.Payload) > 0 {
		came = "the answer begins " + strconv.Quote(string(e.Payload[:min(len(e.Payload), 80)]))
	}
	why := ""
	if !errors.Is(e.Err, ErrNoResult) {
		why = after(": ", fmt.Sprint(e.Err))
	}
	return fmt.Sprintf("lambdabatch: record %s: %s%s; %s%s", e.ID, e.Problem, why, came, after(", request ", e.RequestID))
}

// Unwrap returns Err.
func (e *ResultError) Unwrap() error { return e.Err }

// encodeError is the error of a value that cannot be sent.
type encodeError struct{ err error }

func (e *encodeError) Error() string {
	return "lambdabatch: " + e.err.Error()
}

func (e *encodeError) Unwrap() error { return e.err }

func (e *encodeError) Is(target error) bool { return target == ErrNotEncodable }
