package handler

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Permanent marks an error that no retry will mend. It wins over a [RetryAfter]
// within it, and over the deadline: a record that was stopped by that is asked for
// again otherwise. For an SQS queue it is a failure like others; what becomes of it
// is the queue's redrive policy's business. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }

func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter marks an error that may be gone when the record is sent again, not
// before d has passed; 0 leaves it to the client how long to wait. For an SQS queue
// it is a failure like others: the message returns after its visibility timeout.
// RetryAfter(d, nil) is nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{d, err}
}

type retryAfterError struct {
	d   time.Duration
	err error
}

func (e *retryAfterError) Error() string { return e.err.Error() }

func (e *retryAfterError) Unwrap() error { return e.err }

// Error is an error of the handler itself, and not of the function.
type Error struct {
	Type string // what a result says as the error's type; see the package documentation
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func own(kind, format string, args ...any) error {
	return &Error{kind, fmt.Errorf(format, args...)}
}

// The errors of records that have no result.
var (
	errUnfinished = own("Unfinished", "unfinished when the function's time was over")
	errExited     = own("Exited", "runtime.Goexit was called")
	errTooLarge   = own("ResultTooLarge", "the result is larger than a response may be")
	errHeld       = own("GroupHeld", "an earlier message of its group failed")
)

func panicked(v any) error { return own("Panic", "panic: %v", v) }

// plain is an error without the marks around it.
func plain(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // it takes off what is outermost
		case *permanentError:
			err = e.err
		case *retryAfterError:
			err = e.err
		default:
			return err
		}
	}
}

// typeOf names an error's type as aws-lambda-go does, but that it looks through
// fmt.Errorf, and that our own have theirs.
func typeOf(err error) string {
	err = plain(err)
	if own, ok := err.(*Error); ok { //nolint:errorlint // what is outermost
		return own.Type
	}
	t := typeName(err)
	for t.PkgPath() == "fmt" { // a wrapping that says nothing
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = plain(inner)
		t = typeName(err)
	}
	return t.Name()
}

func typeName(err error) reflect.Type {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
