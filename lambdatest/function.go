package lambdatest

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// A Function is the code of a Lambda function: it takes the payload of an invocation and answers with another. An error
// it returns, or a panic, reaches the caller as Lambda reports those of a Go function: status 200 and a FunctionError.
//
// ctx ends when the function's timeout does, and with [Service.Close]; it carries the invocation, see [FromContext], and
// its log, see [Logf]. A nil answer is JSON's null. The payload is the function's own to change; what it answers is copied.
// It is called from many goroutines at once.
type Function func(ctx context.Context, payload []byte) ([]byte, error)

// A FunctionOption changes how [Service.Handle] sets up a function. It is a value, which may be used again.
type FunctionOption interface{ applyTo(*settings) }

type functionOptionFunc func(*settings)

func (f functionOptionFunc) applyTo(s *settings) { f(s) }

type settings struct {
	run      Function
	reserved int // -1: none
	ownRate  *rate
	timeout  time.Duration
	tenants  bool
	durable  bool

	pool *pool // of a program, in place of run
}

// Reserved reserves n of the account's concurrency for the function: it always has them and never has more, and the other
// functions share the rest. Its rate is then 10 times n a second, with a burst of one second, as Lambda has it.
// Reserved(0) switches the function off: every invocation is refused. Default: no reservation.
func Reserved(n int) FunctionOption {
	notNegative("Reserved", n)
	return functionOptionFunc(func(s *settings) { s.reserved = n })
}

// FunctionRate sets the function's own rate of invocations, a token bucket as that of [RequestRate], in place of the rate
// that comes with [Reserved]. Default: that one, and none for functions without a reservation. It is tested after the
// account's, and an invocation it refuses takes nothing from that.
func FunctionRate(perSecond float64, burst int) FunctionOption {
	r := newRate("FunctionRate", perSecond, burst)
	return functionOptionFunc(func(s *settings) { s.ownRate = &r })
}

// Timeout sets how long one invocation may run. Default: 3 s, like Lambda's own. A function that overruns is answered at
// that instant as Sandbox.Timedout; its context ends, its environment is free again, and what it answers later is ignored.
// A result that comes at the very instant comes too late.
func Timeout(d time.Duration) FunctionOption {
	if d <= 0 {
		panic(fmt.Sprintf("lambdatest: Timeout(%v): must be positive", d))
	}
	return functionOptionFunc(func(s *settings) { s.timeout = d })
}

// TenantIsolation makes the function one with tenant isolation: an invocation must then have a TenantId. Default: off, and
// then it must not. Either mistake is refused as InvalidParameterValueException. Tenants change nothing about concurrency,
// and environments are not counted by tenant.
func TenantIsolation() FunctionOption {
	return functionOptionFunc(func(s *settings) { s.tenants = true })
}

// Handle sets up the function of that name, or changes it if there is one: invocations that run then run on. It panics if
// the name is no Lambda function name (1 to 64 letters, digits, hyphens and underscores), if f is nil, or if more is
// reserved than the account has.
func (s *Service) Handle(name string, f Function, opts ...FunctionOption) {
	if f == nil {
		panic(fmt.Sprintf("lambdatest: Handle(%q): nil Function", name))
	}
	s.handle("Handle", name, settings{run: f}, opts)
}

func (s *Service) handle(method, name string, set settings, opts []FunctionOption) {
	if !functionName.MatchString(name) {
		panic(fmt.Sprintf("lambdatest: %s(%q): not a function name", method, name))
	}
	set.reserved, set.timeout = -1, 3*time.Second
	for _, opt := range opts {
		opt.applyTo(&set)
	}
	s.replace(method, name, set).retire()
}

// replace returns the environments of the program that the function was so far, if it was one.
func (s *Service) replace(method, name string, set settings) *pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	fn, known := s.functions[name]
	if !known {
		fn = &function{name: name, settings: settings{reserved: -1}, scaling: newBucket(s.quota.scaling, now)}
	}
	reserved := s.quota.reserved - max(fn.reserved, 0) + max(set.reserved, 0)
	if set.reserved > 0 && reserved > s.quota.concurrency {
		panic(fmt.Sprintf("lambdatest: %s(%q): Reserved(%d) makes %d reserved of an account concurrency of %d",
			method, name, set.reserved, reserved, s.quota.concurrency))
	}
	s.functions[name] = fn
	s.quota.reserved = reserved
	old := fn.pool
	fn.settings = set
	fn.rate = nil
	switch {
	case set.ownRate != nil:
		fn.rate = newBucket(*set.ownRate, now)
	case set.reserved > 0:
		fn.rate = newBucket(tenTimes(set.reserved), now)
	}
	s.quota.wake(now)
	return old
}

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// A function as the service knows it. Service.mu protects it.
type function struct {
	name string
	settings
	rate         *bucket // nil: only the account's
	scaling      *bucket
	inFlight     int
	environments int // started so far
}

func (f *function) hasReserved() bool { return f.reserved >= 0 }

// on reports false if the function was switched off by a reservation of nothing.
func (f *function) on() bool { return f.reserved != 0 }

// warm reports whether one more invocation finds an environment, which it starts if it must and may.
func (f *function) warm(now time.Time) bool {
	if f.inFlight < f.environments {
		return true
	}
	if !f.scaling.has(now) {
		return false
	}
	f.scaling.take()
	f.environments++
	return true
}
