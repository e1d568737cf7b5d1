package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

const (
	defaultMaxInFlight  = 1000
	defaultPollers      = 8
	defaultMaxReceives  = 5
	defaultGrace        = 20 * time.Second
	defaultBackoffBase  = 5 * time.Second
	defaultBackoffLimit = 15 * time.Minute

	// maxVisibility is how long SQS holds a message at the most, counted from the receive (Amazon SQS Developer Guide, "Amazon SQS
	// visibility timeout").
	maxVisibility = 12 * time.Hour
)

// Option is a setting of a [Pipeline]. Of an option given twice the last counts.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// config is the settings of a Pipeline.
type config struct {
	client       Client
	queueURL     string
	batcher      lambdabatch.Settings
	flush        func(context.Context) error
	result       any // func(context.Context, Message, Out, error) error
	decode       any // func(Message) (In, error)
	deadURL      string
	deadGiven    bool
	visibility   time.Duration // 0: the queue's
	maxInFlight  int
	pollers      int
	maxReceives  int
	grace        time.Duration
	backoffBase  time.Duration
	backoffLimit time.Duration
	logger       *slog.Logger
}

func newConfig(opts []Option) *config {
	c := &config{
		maxInFlight:  defaultMaxInFlight,
		pollers:      defaultPollers,
		maxReceives:  defaultMaxReceives,
		grace:        defaultGrace,
		backoffBase:  defaultBackoffBase,
		backoffLimit: defaultBackoffLimit,
		logger:       slog.New(slog.DiscardHandler),
	}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	return c
}

// validate finds all that is wrong at once, as far as it can be told without a call.
func (c *config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("sqsbatch: "+format, args...))
		}
	}
	check(!isNil(c.client), "client: must not be nil")
	check(validURL(c.queueURL), "queueURL %q: must be the URL of a queue", c.queueURL)
	check(!c.deadGiven || validURL(c.deadURL), "WithDeadLetterQueue(%q): must be the URL of a queue", c.deadURL)
	check(c.deadURL == "" || c.deadURL != c.queueURL, "WithDeadLetterQueue(%q): must be another queue than the one that is worked off", c.deadURL)
	check(c.visibility == 0 || c.visibility >= time.Second && c.visibility <= maxVisibility && c.visibility%time.Second == 0,
		"WithVisibility(%v): must be whole seconds, from 1s to 12h", c.visibility)
	check(c.maxInFlight >= 1, "WithMaxInFlight(%d): must be at least 1", c.maxInFlight)
	check(c.pollers >= 1, "WithPollers(%d): must be at least 1", c.pollers)
	check(c.maxReceives >= 1, "WithMaxReceives(%d): must be at least 1", c.maxReceives)
	check(c.grace >= 0, "WithGrace(%v): must not be negative", c.grace)
	check(c.backoffBase >= 0 && c.backoffLimit >= c.backoffBase && c.backoffLimit <= maxVisibility-time.Hour,
		"WithBackoff(%v, %v): must be 0 or more, and the limit from the base to 11h, for SQS hides a message no longer than 12h", c.backoffBase, c.backoffLimit)
	check(c.logger != nil, "WithLogger(nil): must be a Logger; leave the option out for none")
	return errors.Join(errs...)
}

// isNil tells whether v is nil, or holds a nil: that of an *sqs.Client, for example.
func isNil(v any) bool {
	switch of := reflect.ValueOf(v); of.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice, reflect.Interface:
		return of.IsNil()
	default:
		return false
	}
}

// functionOf is the function of an option whose type only the Batcher tells; nil if the option was not given, which stands for without.
func functionOf[F any](option, without string, given any) (f F, err error) {
	if given == nil {
		return f, nil
	}
	f, ok := given.(F)
	switch {
	case isNil(given):
		return f, fmt.Errorf("sqsbatch: %s(nil): must not be nil; leave the option out for %s", option, without)
	case !ok:
		return f, fmt.Errorf("sqsbatch: %s(%T): must be a %T, for the Batcher", option, given, f)
	}
	return f, nil
}

func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(u.Path) > 1
}

// WithResult sets what is called with the final outcome of each message: a value and nil, or the zero Out and the error of a
// failure for good. It is the place to write a result to a database. If it returns an error, or panics, the message is not deleted
// but comes again later, and so does its invocation. It is called by many goroutines at once, and at least once for each message,
// also for one that has no dead-letter queue to go to. Its ctx ends when the grace time of a shutdown is over ([WithGrace]) or
// the message's visibility is lost. It should return then: Run waits for it however long that takes, and deletes its message if it returns nil after all.
//
// Out must be that of the Batcher: New says so if it is not. Default: none, the outcome alone decides.
func WithResult[Out any](f func(ctx context.Context, m Message, out Out, err error) error) Option {
	return optionFunc(func(c *config) { c.result = f })
}

// WithDecode sets how a message becomes a record's value, as when that needs the message's attributes. Its error, or a panic, is a
// failure for good, a [*DecodeError]. It is called by many goroutines at once. In must be that of the Batcher: New says so if it is not.
//
// Default: the body is decoded as encoding/json does it. If In is a string, it is the body as it is; if it is a
// [encoding/json.RawMessage], the body must be JSON, and goes as it is. encoding/json takes JSON of another shape for a zero value: {"price":1} is an empty Order. Where that
// could come, check the value in a function of your own.
func WithDecode[In any](f func(m Message) (In, error)) Option {
	return optionFunc(func(c *config) { c.decode = f })
}

// WithDeadLetterQueue sets where messages go that have failed for good, before they are deleted. They keep their body and their attributes,
// and get one more, [DeadLetterAttribute], unless there is no room for it. The queue of a FIFO queue must be a FIFO queue, too.
// Default: none. Then they become visible again as after any failure, and the queue's own redrive policy moves them in the end.
//
// With it, give the redrive policy of the queue, if it has one, a maxReceiveCount of 100 to 1,000: it counts deliveries in outages too, which this option does not, and is left
// with the messages that no worker survives. Run logs a warning below 100. The permission sqs:SendMessage cannot be checked without sending. If it is missing, Run
// ends with an error at the first letter.
//
// On a standard queue a letter may be there twice, when the answer to the first was lost; [Redrive] takes both for one.
func WithDeadLetterQueue(url string) Option {
	return optionFunc(func(c *config) { c.deadURL, c.deadGiven = url, true })
}

// WithMaxReceives sets at which delivery a failure that may pass counts as one for good, if there is a dead-letter queue. Deliveries that the message had no part in the end
// of do not count, as far as this process knows of them: in an outage, at a shutdown, or held by its group. Those that other workers had, or one that has died, do. Within each delivery
// the Batcher tries by itself, as often as [lambdabatch.WithMaxAttempts] says: 5 deliveries of 6 attempts are up to 30 invocations of a poisoned message. A redrive policy of
// the queue with a smaller maxReceiveCount comes first. Default: 5.
func WithMaxReceives(n int) Option { return optionFunc(func(c *config) { c.maxReceives = n }) }

// WithVisibility sets the visibility timeout that messages are received with, and that is extended, in whole seconds. It should be longer than an
// invocation takes ([lambdabatch.WithInvocationTimeout]), or else a message comes again while the function of a worker that has died is
// still at it: Run checks that. Default: the queue's own.
func WithVisibility(d time.Duration) Option {
	return optionFunc(func(c *config) { c.visibility = d })
}

// WithMaxInFlight sets how many messages are held at the most, from the receive until they are deleted or given back. More than the Batcher's buffer
// holds ([lambdabatch.WithMaxBuffered]) are never held. Default: 1,000.
func WithMaxInFlight(n int) Option { return optionFunc(func(c *config) { c.maxInFlight = n }) }

// WithPollers sets how many long polls run at once at the most. There are as many as bring full tens, and at least one. Default: 8.
func WithPollers(n int) Option { return optionFunc(func(c *config) { c.pollers = n }) }

// WithBackoff sets how long a message stays invisible after its nth delivery has failed: uniform in [0, min(limit, base·2ⁿ⁻¹)), in whole seconds and at
// least one, and not less than the function asked for. Default: 5 s and 15 minutes.
func WithBackoff(base, limit time.Duration) Option {
	return optionFunc(func(c *config) { c.backoffBase, c.backoffLimit = base, limit })
}

// WithGrace sets how long Run goes on with what it has received when its ctx has ended. The calls that give the rest back take up to 10 s on top, and result functions that do not
// heed their ctx as long as they take. Amazon ECS and Kubernetes kill a process 30 s after they asked it to stop, by default. Default: 20 s.
func WithGrace(d time.Duration) Option { return optionFunc(func(c *config) { c.grace = d }) }

// WithLogger makes the Pipeline log to l: panics of the decode and the result function with their stacks at Error; lost visibility, calls of SQS that fail, settings that may not be meant,
// and why receiving pauses, at Warn; the start and the end at Info. A pause has one line, with the error of the message that began it: of the invocation, or of the result function.
// Bodies are never logged, nor what the function says of a record. Default: nothing is logged.
func WithLogger(l *slog.Logger) Option { return optionFunc(func(c *config) { c.logger = l }) }
