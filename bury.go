package lambdabatch

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// deadLetterTimeout is how long a dead letter function may take.
const deadLetterTimeout = 30 * time.Second

// bury gives a record that ends with err to the dead letter function, and returns
// the error that its future ends with.
func (c *core) bury(r *engine.Record, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), deadLetterTimeout)
	defer cancel()
	ended := time.Now()
	letter := DeadLetter{
		Function:  c.config.function,
		Tenant:    r.Tenant(),
		Key:       r.Key(),
		ID:        r.ID,
		Payload:   c.config.dataOf(r),
		Err:       err,
		Certainty: CertaintyOf(err),
		Attempts:  attemptsOf(r),
		Submitted: ended.Add(-c.engine.Age(r)),
		Ended:     ended,
	}
	var failed error
	if panicked := guard("the dead letter function", func() { failed = c.config.deadLetter(ctx, letter) }); panicked != nil {
		failed = panicked
	}
	if failed == nil {
		return err
	}
	return &buryError{err, failed}
}

// dataOf is the JSON that a record's entry was made of.
func (c *config) dataOf(r *engine.Record) []byte {
	if c.format == Records {
		return bytes.Clone(wire.RecordData(r.Entry, r.ID))
	}
	return r.Data()
}

// buryError is the error of a record that did not become a dead letter, either.
type buryError struct{ err, failed error }

func (e *buryError) Error() string {
	return fmt.Sprintf("%v; and its dead letter failed: %v", e.err, e.failed)
}

// Unwrap begins with the record's own error, so that errors.As finds that first.
func (e *buryError) Unwrap() []error { return []error{e.err, e.failed} }
