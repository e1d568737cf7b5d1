package lambdabatch

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of code that was given to a [Batcher]: of a codec, a hook,
// a Limiter, a BackOff, a dead letter function, or an Invoker. It fails the records
// concerned, and the Batcher goes on. It comes as a pointer, mostly within an
// [InvokeError].
type PanicError struct {
	In    string // whose code it was, such as "a hook"
	Value any    // what it panicked with
	Stack []byte // of the goroutine
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("lambdabatch: panic in %s: %v\n%s", e.In, e.Value, e.Stack)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// guard runs f and returns its panic, if it panics, as an error.
func guard(in string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(in, v)
		}
	}()
	f()
	return nil
}

// newPanicError is called while the panic is on the stack.
func newPanicError(in string, v any) error {
	return &PanicError{In: in, Value: v, Stack: debug.Stack()}
}
