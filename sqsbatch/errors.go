package sqsbatch

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

var (
	// ErrVisibilityLost is the error of a message that somebody else may have received by now, and the cause by which the
	// context of its record ends.
	ErrVisibilityLost = errors.New("sqsbatch: the visibility of the message was lost")

	// ErrRunning is the error of a second Run while the first has not returned.
	ErrRunning = errors.New("sqsbatch: Run is running already")

	errGrace  = errors.New("sqsbatch: the grace time is over")
	errExited = errors.New("sqsbatch: the decode function or the result function ended its goroutine by runtime.Goexit, as t.FailNow of a test does")
)

// DecodeError is the error of a message whose body cannot be made a record. It is a failure for good. It comes as a pointer.
type DecodeError struct {
	ID  string // of the message
	Err error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("sqsbatch: message %s: the body cannot be decoded: %v", e.ID, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// LeftError is the error of a Run that did not finish all it had received. The messages come again. Of those that were in an invocation the function may have run all the
// same, and of those that could not be deleted any more the result may have been written. It comes as a pointer.
type LeftError struct {
	IDs []string // of the messages
}

func (e *LeftError) Error() string {
	ids := e.IDs
	more := ""
	if len(ids) > 10 {
		more = fmt.Sprintf(" and %d more", len(ids)-10)
		ids = ids[:10]
	}
	return fmt.Sprintf("sqsbatch: the Run ended before all messages were done; %d come again: %s%s", len(e.IDs), strings.Join(ids, ", "), more)
}

// panicError is the error of code of the user's that panicked.
type panicError struct {
	in    string
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("sqsbatch: panic in %s: %v", e.in, e.value) }

// guard turns a panic of f into an error.
func guard(in string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{in, v, debug.Stack()}
		}
	}()
	return f()
}
