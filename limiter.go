package lambdabatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch/internal/limit"
)

// Limiter gives the permits for invocations. One Limiter may serve many
// Batchers, which then share its limits. Its methods must be safe for
// concurrent use.
//
// Make one by [NewLimiter] or [FromRate], or write your own.
type Limiter interface {
	// Acquire waits until one invocation of function may start. ctx is for the
	// wait alone; when it ends, the error must wrap ctx.Err(). Any other error
	// fails the attempt of the batch that the permit was for.
	//
	// release is called exactly once, with what came of the permit.
	Acquire(ctx context.Context, function string) (release func(Feedback), err error)
}

// Feedback tells a [Limiter] what came of a permit.
type Feedback struct {
	Use        Use
	Reason     types.ThrottleReason // with Throttled: which quota was short; may be empty or unknown
	RetryAfter time.Duration        // with Throttled: when Lambda wants to be asked again; 0 if it does not say
}

// Use is how a permit was used.
type Use uint8

// The uses of a permit.
const (
	// Succeeded is when Lambda answered: it ran the function, also if that failed,
	// or refused the invocation for a reason that no pace can cure.
	Succeeded Use = iota
	// Throttled is when Lambda refused the invocation with a 429.
	Throttled
	// Failed is when no answer came, or Lambda's own error (5xx).
	Failed
	// NotUsed is when nothing was left to send: the permit goes back whole.
	NotUsed
)

// String returns the use in words.
func (u Use) String() string {
	switch u {
	case Succeeded:
		return "succeeded"
	case Throttled:
		return "throttled"
	case Failed:
		return "failed"
	case NotUsed:
		return "not used"
	default:
		return fmt.Sprintf("Use(%d)", uint8(u))
	}
}

// LimiterOption is a setting of [NewLimiter].
type LimiterOption interface {
	applyLimiter(*limiterConfig)
}

type limiterOptionFunc func(*limiterConfig)

func (f limiterOptionFunc) applyLimiter(c *limiterConfig) { f(c) }

type limiterConfig struct {
	limit.Config
	errs []error
}

func (c *limiterConfig) check(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("lambdabatch: "+format, args...))
	}
}

func (c *limiterConfig) function(name string, set func(*limit.Ceiling)) {
	if c.Functions == nil {
		c.Functions = make(map[string]limit.Ceiling)
	}
	name = limit.BareName(name)
	ceiling := c.Functions[name]
	set(&ceiling)
	c.Functions[name] = ceiling
}

// Rate sets how many invocations may start in a second, of all functions
// together, and how many at once after a pause. Default: as many as there are.
func Rate(perSecond float64, burst int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validRate(perSecond, burst), "Rate(%v, %d): must be more than 0 a second, and a burst of at least 1", perSecond, burst)
		c.Account.PerSecond, c.Account.Burst = perSecond, burst
	})
}

// InFlight sets how many invocations may be under way at a time, of all functions
// together. Default: 1,000, the concurrency of an account that nobody has raised
// (AWS Lambda Developer Guide, "Lambda quotas").
func InFlight(n int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(n >= 1, "InFlight(%d): must be at least 1", n)
		c.Account.InFlight = n
	})
}

// FunctionRate is [Rate] for one function, given by its name or ARN; aliases and
// versions count as the same function. Default: as many as there are.
func FunctionRate(function string, perSecond float64, burst int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validFunction(function) && validRate(perSecond, burst),
			"FunctionRate(%q, %v, %d): must be a function's name, more than 0 a second, and a burst of at least 1", function, perSecond, burst)
		c.function(function, func(own *limit.Ceiling) { own.PerSecond, own.Burst = perSecond, burst })
	})
}

// FunctionInFlight is [InFlight] for one function, given by its name or ARN;
// aliases and versions count as the same function. Default: as many as there
// are.
func FunctionInFlight(function string, n int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validFunction(function) && n >= 1, "FunctionInFlight(%q, %d): must be a function's name and at least 1", function, n)
		c.function(function, func(own *limit.Ceiling) { own.InFlight = n })
	})
}

func validRate(perSecond float64, burst int) bool { return perSecond > 0 && burst >= 1 }

// Fixed keeps the limits as they are given, whatever Lambda answers.
func Fixed() LimiterOption {
	return limiterOptionFunc(func(*limiterConfig) {})
}

// defaultInFlight is the concurrency of an account that nobody has raised.
const defaultInFlight = 1000

// AdaptiveLimiter lets invocations start, no faster than its rates and no more
// at a time than its numbers, retries included. Make one by [NewLimiter] for each
// account and Region, and give it to all Batchers there: functions that wait take
// turns, and among the Batchers of one function who waits longest is next.
//
// Its methods are safe for concurrent use.
type AdaptiveLimiter struct {
	limiter *limit.Limiter
}

// NewLimiter makes an AdaptiveLimiter. Its error names every option that cannot be.
func NewLimiter(opts ...LimiterOption) (*AdaptiveLimiter, error) {
	c := limiterConfig{Config: limit.Config{Account: limit.Ceiling{InFlight: defaultInFlight}}}
	for _, o := range opts {
		if o != nil {
			o.applyLimiter(&c)
		}
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	return &AdaptiveLimiter{limit.New(c.Config)}, nil
}

// Acquire waits until one invocation of function may start, or ctx ends: then the
// error wraps ctx.Err(). release must be called once; later calls do nothing.
func (l *AdaptiveLimiter) Acquire(ctx context.Context, function string) (release func(Feedback), err error) {
	permit, err := l.limiter.Acquire(ctx, function)
	if err != nil {
		return nil, err
	}
	return func(f Feedback) { permit.Release(f.Use != NotUsed) }, nil
}

// FromRate makes a Limiter of l, which may be shared with other code. It starts
// invocations as l allows, and does not bound how many are under way. A change
// of l's rate reaches who waits already within a second.
func FromRate(l *rate.Limiter) Limiter {
	if l == nil {
		return nil // which New refuses
	}
	return rateLimiter{limit.FromRate(l)}
}

type rateLimiter struct {
	limiter *limit.Rate
}

func (l rateLimiter) Acquire(ctx context.Context, function string) (release func(Feedback), err error) {
	if err := l.limiter.Acquire(ctx, function); err != nil {
		return nil, err
	}
	return func(f Feedback) {
		if f.Use == NotUsed {
			l.limiter.GiveBack()
		}
	}, nil
}

// isNil tells whether l is nil or holds a nil pointer.
func isNil(l any) bool {
	v := reflect.ValueOf(l)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
