package lambdabatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/name"
)

// Lambda's limits of an invocation's payload, in bytes. AWS Lambda Developer
// Guide, "Lambda quotas": 6 MB synchronous, 1 MB asynchronous, in units of 1,024.
const (
	maxSyncPayload  = 6 << 20
	maxEventPayload = 1 << 20
)

// maxSyncResponse is how many bytes a synchronous response may have: as many as a
// request, and 100 for an envelope. It is what Lambda's own error says.
const maxSyncResponse = maxSyncPayload + 100

const (
	defaultMaxRecords         = 20
	defaultLinger             = 10 * time.Millisecond
	defaultMaxBufferedRecords = 10_000
	defaultMaxBufferedBytes   = 64 << 20
	defaultMaxAttempts        = 6

	// AWS Lambda Developer Guide, "Lambda quotas": a function runs for 900 s at
	// the most. The margin is for the way there and back and for a cold start.
	defaultInvocationTimeout = 15*time.Minute + 15*time.Second

	defaultBackoffBase  = 100 * time.Millisecond
	defaultBackoffLimit = 10 * time.Second
)

// Option is a setting of a [Batcher]. Of an option given twice the last counts,
// but for [WithHooks].
type Option interface {
	apply(*config)
}

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is the settings of a Batcher.
type config struct {
	function          string
	qualifier         *string
	invocationType    types.InvocationType
	maxRecords        int
	maxBytes          *int // nil: Lambda's own limit
	linger            time.Duration
	maxBuffered       int
	maxBufferedBytes  int
	failFast          bool
	invocationTimeout time.Duration
	deliveryTimeout   time.Duration
	maxAttempts       int
	backoff           func() backoff.BackOff
	retryUncertain    bool
	retryRatio        float64
	retryReserve      int
	retryBudget       bool
	durable           bool
	deadLetter        func(context.Context, DeadLetter) error
	deadLetterGiven   bool
	limiter           Limiter
	limiterGiven      bool
	hooks             []Hooks
	logger            *slog.Logger
	logTail           bool
	format            Format
	envelope          engine.Envelope // of format
}

func newConfig(function string, opts []Option) (*config, error) {
	c := &config{
		function:          function,
		invocationType:    types.InvocationTypeRequestResponse,
		maxRecords:        defaultMaxRecords,
		linger:            defaultLinger,
		maxBuffered:       defaultMaxBufferedRecords,
		maxBufferedBytes:  defaultMaxBufferedBytes,
		invocationTimeout: defaultInvocationTimeout,
		maxAttempts:       defaultMaxAttempts,
		backoff:           func() backoff.BackOff { return FullJitter(defaultBackoffBase, defaultBackoffLimit) },
		retryUncertain:    true,
		logger:            slog.New(slog.DiscardHandler),
		format:            Records,
	}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	return c, c.validate()
}

// validate finds all that is wrong at once.
func (c *config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("lambdabatch: "+format, args...))
		}
	}
	check(validFunction(c.function), "function %q: must be a name, name:alias, partial ARN or ARN of at most 256 characters", c.function)
	_, own, _ := name.Parse(c.function)
	if c.qualifier != nil {
		q := *c.qualifier
		check(q != "" && len(q) <= 128 && !strings.ContainsAny(q, " \t\r\n/"), "WithQualifier(%q): must be a version or an alias, 1 to 128 characters", q)
		check(own == "", "WithQualifier(%q): function %q names a version or an alias already", q, c.function)
	}
	check(!c.durable || c.qualifier != nil || own != "" || !validFunction(c.function),
		"WithDurableExecutions(): function %q names no version or alias, which a durable function is invoked by; add one, or WithQualifier", c.function)
	limit := maxSyncPayload
	switch c.invocationType {
	case types.InvocationTypeRequestResponse:
	case types.InvocationTypeEvent:
		limit = maxEventPayload
		check(!c.logTail, "WithLogTail(): an Event invocation has no log to return")
	default:
		check(false, "WithInvocationType(%q): must be RequestResponse or Event", c.invocationType)
	}
	if c.maxBytes == nil {
		c.maxBytes = &limit
	}
	check(c.maxRecords >= 1, "WithMaxRecords(%d): must be at least 1", c.maxRecords)
	least := minMaxBytes
	check(!isNil(c.format), "WithFormat(nil): must be a Format; leave the option out for Records")
	if !isNil(c.format) {
		if panicked := guard("the Format", func() { c.envelope = envelopeOf(c.format) }); panicked != nil {
			errs = append(errs, panicked)
		}
		least += max(0, c.envelope.Overhead())
	}
	check(*c.maxBytes >= least && *c.maxBytes <= limit,
		"WithMaxBytes(%d): must be from %d to %d bytes, Lambda's limit for %s", *c.maxBytes, least, limit, c.invocationType)
	check(c.linger >= 0, "WithLinger(%v): must not be negative", c.linger)
	check(c.maxBuffered >= 1 && c.maxBufferedBytes >= 1,
		"WithMaxBuffered(%d, %d): must be at least 1 record and 1 byte", c.maxBuffered, c.maxBufferedBytes)
	check(c.invocationTimeout > 0, "WithInvocationTimeout(%v): must be more than 0", c.invocationTimeout)
	check(c.deliveryTimeout >= 0, "WithDeliveryTimeout(%v): must not be negative", c.deliveryTimeout)
	check(c.maxAttempts >= 1, "WithMaxAttempts(%d): must be at least 1", c.maxAttempts)
	check(c.backoff != nil, "WithBackoff(nil): must be a function that makes a new backoff.BackOff")
	check(!c.retryBudget || c.retryRatio >= 0 && !math.IsInf(c.retryRatio, 0) && c.retryReserve >= 0,
		"WithRetryBudget(%v, %d): the ratio must be finite and at least 0, the reserve at least 0", c.retryRatio, c.retryReserve)
	check(!c.deadLetterGiven || c.deadLetter != nil, "WithDeadLetter(nil): must be a function; leave the option out for none")
	check(!c.limiterGiven || !isNil(c.limiter), "WithLimiter(nil): must be a Limiter; leave the option out for one of the Batcher's own")
	check(c.logger != nil, "WithLogger(nil): must be a Logger; leave the option out for none")
	return errors.Join(errs...)
}

// minMaxBytes is the least room that a bound of a payload must leave beside the envelope.
const minMaxBytes = 51

func validFunction(function string) bool {
	_, _, ok := name.Parse(function)
	return ok
}

// WithMaxRecords sets how many records a batch holds at the most. Default: 20.
func WithMaxRecords(n int) Option {
	return optionFunc(func(c *config) { c.maxRecords = n })
}

// WithMaxBytes sets how many bytes the payload of an invocation has at the most,
// as it goes over the wire: the envelope and the records' IDs count, too.
// Default: Lambda's own limit for the invocation type, 6,291,456 bytes for
// RequestResponse and 1,048,576 for Event, which is also the most it may be
// (AWS Lambda Developer Guide, "Lambda quotas").
func WithMaxBytes(n int) Option {
	return optionFunc(func(c *config) { c.maxBytes = &n })
}

// WithLinger sets how long the oldest record of a lane waits for company before
// it asks for a permit. With 0 it asks at once, and a batch is whatever has
// arrived by the time the permit is there. A record whose own deadline comes
// soon waits less: at the most half of the time it has left. Default: 10 ms.
func WithLinger(d time.Duration) Option {
	return optionFunc(func(c *config) { c.linger = d })
}

// WithMaxBuffered bounds the records that a Batcher holds, from Submit until
// their outcome, by their number and by the bytes they have in a payload. At the
// bound Submit waits; see also [WithFailFast]. Default: 10,000 records and 64 MiB.
func WithMaxBuffered(records, bytes int) Option {
	return optionFunc(func(c *config) { c.maxBuffered, c.maxBufferedBytes = records, bytes })
}

// WithFailFast makes a record for which there is no room fail with
// [ErrBufferFull] at once. Default: Submit waits for room.
func WithFailFast() Option {
	return optionFunc(func(c *config) { c.failFast = true })
}

// WithInvocationTimeout bounds one Invoke, from its start to its answer. It
// should be longer than the function's own timeout: a call that is given up on
// this side goes on in Lambda. It ends the context of the call; an Invoker must
// heed that, as the SDK's client does. Default: 15 minutes, the longest that a function
// runs (AWS Lambda Developer Guide, "Lambda quotas"), and 15 s.
func WithInvocationTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.invocationTimeout = d })
}

// WithDeliveryTimeout bounds the time of one record from Submit to its outcome,
// all attempts and waits together. When it is over the record fails with
// [ErrDeliveryTimeout], and nothing more is sent for it. 0 is no bound. Default: 0.
func WithDeliveryTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.deliveryTimeout = d })
}

// WithMaxAttempts sets in how many invocations a record travels at the most.
// Throttled ones do not count: the function has not seen them, and the
// limiter paces them; nor do those after which a batch was split. So
// [Future.Attempts] can be more. Default: 6, the first and five retries.
func WithMaxAttempts(n int) Option {
	return optionFunc(func(c *config) { c.maxAttempts = n })
}

// WithBackoff sets what tells how long a record waits before its next attempt. f
// is called for each record that fails the first time, and may be called
// concurrently; what it returns is used by one goroutine at a time, and never
// reset. A record for which NextBackOff returns [backoff.Stop] is given up.
// Records that return together wait what the one that failed most often drew.
// Default: FullJitter(100 ms, 10 s).
func WithBackoff(f func() backoff.BackOff) Option {
	return optionFunc(func(c *config) { c.backoff = f })
}

// WithRetryUncertain sets whether records are sent again after a failure that
// leaves open whether the function has run, such as a connection that broke. With
// true each record is processed at least once, and the function must bear to see
// one again, by the record's ID for example; with false, not more than once by the
// Batcher's doing. That is also why with false a batch in which the function failed
// is not split: all of its records fail. Default: true.
func WithRetryUncertain(retry bool) Option {
	return optionFunc(func(c *config) { c.retryUncertain = retry })
}

// WithRetryBudget bounds retries, so that a function in trouble is not kept there
// by them: each retry of a record takes a token, each success gives ratio of one
// back, up to reserve (or one, if that is 0), which are there at first. Time alone gives a hundredth of
// reserve back each second, so that no budget is empty for ever. It is the Batcher's
// own. A record for which there is no token is given up, with an
// error that says so. Throttles and the parts of a batch that is split cost
// nothing. WithRetryBudget(0.1, 100), for example, retries 100 records at once, and then
// one for each ten that succeed and one each second. Default: no bound but [WithMaxAttempts].
func WithRetryBudget(ratio float64, reserve int) Option {
	return optionFunc(func(c *config) { c.retryRatio, c.retryReserve, c.retryBudget = ratio, reserve, true })
}

// WithDeadLetter sets what is called for each record that is given up: that was
// taken in, and whose future is about to end with an error, whatever that is. It is
// not called for what Submit refuses: a value that cannot be encoded or is too
// large, a Batcher that is closed or full.
//
// f is called once for each record, before its future is done, and for up to 64 at
// a time. Its ctx carries the values of the record's, and ends after 30 s and not
// with the record's. If f returns an error or panics, that is joined to the
// record's own. A record keeps its room in the buffer until f has returned, and
// Shutdown waits for it, too. See [FileDeadLetters] for a file. Default: none.
func WithDeadLetter(f func(ctx context.Context, letter DeadLetter) error) Option {
	return optionFunc(func(c *config) { c.deadLetter, c.deadLetterGiven = f, true })
}

// WithDurableExecutions makes each batch an execution of a durable function, with a
// name of its own. Lambda runs an execution of a name once, whatever arrives twice
// (AWS Lambda Developer Guide, "Idempotency" of durable functions): a retry sends
// the same name and the same bytes, and gets the result of the first. So retries are
// certain to run nothing twice, and WithRetryUncertain(false) does not hold them
// back. Only what an answer asks to be sent again, and the parts of a batch of which
// the function failed as a whole, is sent under a new name; such a batch is still not
// split with WithRetryUncertain(false).
//
// The function must be configured as durable and be given by version or alias.
// Default: off.
func WithDurableExecutions() Option {
	return optionFunc(func(c *config) { c.durable = true })
}

// WithLimiter sets the limiter that gives the permits for invocations. All
// Batchers that are given the same one share its limits. Default: one of the
// Batcher's own, made by [NewLimiter] without options.
func WithLimiter(l Limiter) Option {
	return optionFunc(func(c *config) { c.limiter, c.limiterGiven = l, true })
}

// WithFormat sets the shape of the payloads, which the function must understand.
// Default: [Records].
func WithFormat(f Format) Option {
	return optionFunc(func(c *config) { c.format = f })
}

// WithInvocationType sets how Lambda invokes the function. With
// RequestResponse a future holds the result that the function gave for its
// record. With Event Lambda queues the batch and runs the function later: a
// future then says no more than that Lambda has accepted the record (202), its
// value is the zero Out, and no result of a record exists. Default:
// RequestResponse.
func WithInvocationType(t types.InvocationType) Option {
	return optionFunc(func(c *config) { c.invocationType = t })
}

// WithQualifier sets the version or alias of the function to invoke. Default:
// none, which is $LATEST, or what the function's name or ARN says.
func WithQualifier(q string) Option {
	return optionFunc(func(c *config) { c.qualifier = &q })
}

// WithHooks lets h see what the Batcher does. It may be given more than once;
// hooks are called in the order in which they were given.
func WithHooks(h Hooks) Option {
	return optionFunc(func(c *config) { c.hooks = append(c.hooks, h) })
}

// WithLogger makes the Batcher log to l: each batch at level Debug, failures of
// whole invocations and answers that cannot be understood at Warn. Payloads and
// what functions say in their errors are never logged. Default: nothing is
// logged.
func WithLogger(l *slog.Logger) Option {
	return optionFunc(func(c *config) { c.logger = l })
}

// WithLogTail asks Lambda for the last 4 KB of the function's log with each
// answer, for [FunctionError]'s Log. Default: off.
func WithLogTail() Option {
	return optionFunc(func(c *config) { c.logTail = true })
}
