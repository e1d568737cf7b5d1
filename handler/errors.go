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

// panicError is the error of a record whose function panicked.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }

// The errors of records that have no result.
var (
	errUnfinished = errors.New("unfinished when the function's time was over")
	errExited     = errors.New("runtime.Goexit was called")
	errTooLarge   = errors.New("the result is larger than a response may be")
	errHeld       = errors.New("an earlier message of its group failed")
)

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

// typeOf names an error's type as aws-lambda-go does.
func typeOf(err error) string {
	t := reflect.TypeOf(plain(err))
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
