package sqsbatch

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrVisibilityLost is the error of a message that somebody else may have received by now, and the cause by which the
	// context of its record ends.
	ErrVisibilityLost = errors.New("sqsbatch: the visibility of the message was lost")

	// ErrRunning is the error of a second Run while the first has not returned.
	ErrRunning = errors.New("sqsbatch: the Pipeline is running already")

	errGrace = errors.New("sqsbatch: the grace time is over")
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

// LeftError is the error of a Run that did not finish all it had received. The messages were given back to the queue, visible at once; of those that were in an
// invocation the function may have run all the same. It comes as a pointer.
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
	return fmt.Sprintf("sqsbatch: the grace time was over before all messages were done; %d went back to the queue: %s%s",
		len(e.IDs), strings.Join(ids, ", "), more)
}

// panicError is the error of code of the user's that panicked.
type panicError struct {
	in    string
	value any
}

func (e *panicError) Error() string { return fmt.Sprintf("sqsbatch: panic in %s: %v", e.in, e.value) }

// guard turns a panic of f into an error.
func guard(in string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{in, v}
		}
	}()
	return f()
}
