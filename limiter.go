package lambdabatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch/internal/limit"
	"github.com/lambdabatch/lambdabatch/internal/name"
)

// Limiter gives the permits for invocations. One Limiter may serve many
// Batchers, which then share its limits. Its methods must be safe for
// concurrent use.
//
// Make one by [NewLimiter] or [FromRate], or write your own.
type Limiter interface {
	// Acquire waits until one invocation of function may start. ctx is for the
	// wait alone; when it ends, the error must wrap ctx.Err(). Any other error
	// fails the attempt of the batch that the permit was for; a release that is
	// returned with an error is not called.
	//
	// release is called exactly once, with what came of the permit: when the answer
	// of the invocation is there and hooks have seen it, or at once if nothing was
	// left to send.
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
	Succeeded Use = Use(limit.Answered)
	// Throttled is when Lambda refused the invocation with a 429.
	Throttled Use = Use(limit.Throttled)
	// Failed is when no answer came, or Lambda's own error (5xx).
	Failed Use = Use(limit.Failed)
	// NotUsed is when nothing was left to send: the permit goes back whole.
	NotUsed Use = Use(limit.NotUsed)
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

func (c *limiterConfig) function(function string, set func(*limit.Ceiling)) {
	if c.Functions == nil {
		c.Functions = make(map[string]limit.Ceiling)
	}
	bare := name.Bare(function)
	ceiling := c.Functions[bare]
	set(&ceiling)
	c.Functions[bare] = ceiling
}

// Rate sets how many invocations may start in a second, of all functions
// together, and how many at once after a pause. Default: no ceiling.
func Rate(perSecond float64, burst int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validRate(perSecond, burst), "Rate(%v, %d): must be at least one a year, and a burst of at least 1", perSecond, burst)
		c.Account.PerSecond, c.Account.Burst = perSecond, burst
	})
}

// InFlight sets how many invocations may be under way at a time, of all functions
// together. Default: no ceiling.
func InFlight(n int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(n >= 1, "InFlight(%d): must be at least 1", n)
		c.Account.InFlight = n
	})
}

// FunctionRate is [Rate] for one function, given by its name or ARN; aliases and
// versions count as the same function. Default: no ceiling.
func FunctionRate(function string, perSecond float64, burst int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validFunction(function) && validRate(perSecond, burst),
			"FunctionRate(%q, %v, %d): must be a function's name, at least one a year, and a burst of at least 1", function, perSecond, burst)
		c.function(function, func(own *limit.Ceiling) { own.PerSecond, own.Burst = perSecond, burst })
	})
}

// FunctionInFlight is [InFlight] for one function, given by its name or ARN;
// aliases and versions count as the same function. Default: no ceiling.
func FunctionInFlight(function string, n int) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(validFunction(function) && n >= 1, "FunctionInFlight(%q, %d): must be a function's name and at least 1", function, n)
		c.function(function, func(own *limit.Ceiling) { own.InFlight = n })
	})
}

// validRate tells whether a rate makes sense. The slowest is one invocation in a
// year; faster than one in a microsecond is no limit.
func validRate(perSecond float64, burst int) bool {
	return perSecond >= 1.0/(365*24*60*60) && burst >= 1
}

// Fixed keeps the limits as they are given, whatever Lambda answers. Without any
// ceiling nothing is then limited.
func Fixed() LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) { c.Fixed = true })
}

// ProbeInterval sets how long after a throttle the limiter takes to come back to
// the rate at which it was throttled, and so how often it looks whether there is
// more: longer means fewer throttles, and that a quota that has grown is found
// later. Below 5 invocations a second it takes up to two thirds longer. Default:
// 4.5 s.
func ProbeInterval(d time.Duration) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(d > 0, "ProbeInterval(%v): must be more than 0", d)
		c.Probe = d
	})
}

// LimiterLogger makes the limiter log to l when it changes its mind: cuts at level
// Debug, that Lambda does not answer any more at Warn, and that it does again at
// Info. Default: nothing is logged.
func LimiterLogger(l *slog.Logger) LimiterOption {
	return limiterOptionFunc(func(c *limiterConfig) {
		c.check(l != nil, "LimiterLogger(nil): must be a Logger; leave the option out for none")
		c.Logger = l
	})
}

// AdaptiveLimiter finds out how many invocations a second, and how many at a time,
// Lambda bears, and stays just below. Make one by [NewLimiter] for each account and
// Region, and give it to all Batchers there.
//
// It keeps a rate and a number in flight for the account, and for each function
// that was ever throttled by a limit of its own. A throttle's Reason names which
// of these was short, and just that one is cut; it then grows back, slowly past
// the point at which it was cut, as long as it is what holds invocations
// back. Errors that are no throttles do not cut anything; when half of a
// function's invocations are not answered, or with Lambda's own errors, they stop but
// for single probes, a few seconds apart.
//
// Ceilings given by [Rate], [InFlight] and their kin are never exceeded. What is
// given is believed until Lambda objects: with ceilings for the account the
// limiter starts at them, and looks for less only when throttled; without any it
// starts with a few invocations and searches.
//
// Functions that wait take turns, and among the Batchers of one function who
// waits longest is next. Its methods are safe for concurrent use.
type AdaptiveLimiter struct {
	limiter *limit.Limiter
}

// NewLimiter makes an AdaptiveLimiter. Its error names every option that cannot be.
func NewLimiter(opts ...LimiterOption) (*AdaptiveLimiter, error) {
	var c limiterConfig
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
	if l.limiter == nil {
		return nil, errors.New("lambdabatch: the AdaptiveLimiter was not made by NewLimiter")
	}
	permit, err := l.limiter.Acquire(ctx, function)
	if err != nil {
		return nil, err
	}
	return func(f Feedback) {
		permit.Release(limit.Use{Outcome: limit.Outcome(f.Use), Reason: f.Reason, RetryAfter: f.RetryAfter})
	}, nil
}

// LimiterState is what an [AdaptiveLimiter] thinks at the moment.
type LimiterState struct {
	Account   ScopeState
	Functions map[string]ScopeState // by bare name: those that a permit was ever asked for
}

// ScopeState is what a limiter thinks of an account or a function.
type ScopeState struct {
	Rate      float64 // invocations a second it lets start; +Inf is without limit
	InFlight  int     // invocations under way
	Limit     float64 // of InFlight; +Inf is without limit
	Waiting   int     // permits asked for and not given yet
	Searching bool    // it has not met the quota yet
	Stopped   bool    // Lambda does not answer: only single probes are let through
	Throttles map[types.ThrottleReason]uint64
}

// State returns what the limiter thinks at the moment.
func (l *AdaptiveLimiter) State() LimiterState {
	st := l.limiter.State()
	functions := make(map[string]ScopeState, len(st.Functions))
	for name, f := range st.Functions {
		functions[name] = ScopeState(f)
	}
	return LimiterState{Account: ScopeState(st.Account), Functions: functions}
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
	token, err := l.limiter.Acquire(ctx, function)
	if err != nil {
		return nil, err
	}
	var released atomic.Bool
	return func(f Feedback) {
		if !released.Swap(true) && f.Use == NotUsed {
			l.limiter.GiveBack(token)
		}
	}, nil
}

// isNil tells whether l is nil or holds a nil pointer.
func isNil(l any) bool {
	v := reflect.ValueOf(l)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
