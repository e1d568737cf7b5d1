package handler

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// maxResponse is how many bytes a synchronous response may have. It is what
// Lambda's own error says, "exceeded maximum allowed payload size (6291556 bytes)".
const maxResponse = 6<<20 + 100

// Option is a setting of a [Handler]. Of an option given twice the last counts.
type Option interface{ apply(*options) }

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

type options struct {
	concurrency int
	margin      time.Duration
	logger      *slog.Logger
	maxResponse int
}

func newOptions(opts []Option) options {
	o := options{
		concurrency: runtime.GOMAXPROCS(0),
		margin:      500 * time.Millisecond,
		logger:      slog.Default(),
		maxResponse: maxResponse,
	}
	for _, opt := range opts {
		if opt != nil {
			opt.apply(&o)
		}
	}
	return o
}

// Concurrency sets how many records of a batch are worked on at a time. It panics if n
// is less than 1. Default: the number of CPUs that Go may use. It means nothing to
// [NewBatch].
func Concurrency(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("handler: Concurrency(%d): must be at least 1", n))
	}
	return optionFunc(func(o *options) { o.concurrency = n })
}

// DeadlineMargin sets how long before the deadline of the invocation's context the
// answer is given, with what is unfinished asked for again. It is half of the time
// there is at most. 0 waits for all records, come what may. It panics if d is negative.
// Default: 500 ms.
func DeadlineMargin(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("handler: DeadlineMargin(%v): must not be negative", d))
	}
	return optionFunc(func(o *options) { o.margin = d })
}

// Logger sets where panics are logged, at level Error. Payloads are never logged.
// It panics if l is nil. Default: slog.Default(), as it is when the Handler is made.
func Logger(l *slog.Logger) Option {
	if l == nil {
		panic("handler: Logger(nil): must be a Logger; slog.New(slog.DiscardHandler) for none")
	}
	return optionFunc(func(o *options) { o.logger = l })
}
