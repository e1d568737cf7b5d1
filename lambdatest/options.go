package lambdatest

import (
	"fmt"
	"math"
	"time"
)

// An Option changes what [New] makes. It is a value, which may be used again.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	concurrency  int
	rate         *rate // nil: ten times the concurrency
	eventRate    *rate // nil: no limit
	environments int   // new ones for each function in scalingPer
	scalingPer   time.Duration
	sizes        sizes
	roundTrip    time.Duration
	history      int
}

// sizes are the most bytes that the payloads of Invoke have.
type sizes struct{ request, event, response int }

type rate struct {
	perSecond float64
	burst     int
}

func defaults() config {
	return config{
		concurrency: 1000, environments: 1000, scalingPer: 10 * time.Second, history: math.MaxInt,
		sizes: sizes{request: 6 << 20, event: 1 << 20, response: 6<<20 + 100},
	}
}

// AccountConcurrency sets how many invocations may run at once in the whole account. Default: 1,000, the quota of an
// AWS account that has left its first days (Lambda quotas, "Concurrent executions"; new accounts may have 10). What
// [Reserved] takes for single functions is taken from it.
func AccountConcurrency(n int) Option {
	notNegative("AccountConcurrency", n)
	return optionFunc(func(c *config) { c.concurrency = n })
}

// RequestRate sets the account's rate of invocations: a token bucket that holds burst tokens, is full at first, and
// gains perSecond of them in a second. Default: ten times the account's concurrency, as Lambda has it, with a burst of
// one second. A rate of 0 refuses all that the burst does not cover, math.Inf(1) sets no limit.
func RequestRate(perSecond float64, burst int) Option {
	r := newRate("RequestRate", perSecond, burst)
	return optionFunc(func(c *config) { c.rate = &r })
}

// EventRate sets the rate at which the account takes Event invocations. Default: no limit, as the Lambda quotas have it.
// Event invocations beyond it are refused as CallerRateLimitExceeded, which the field knows of bursts.
func EventRate(perSecond float64, burst int) Option {
	r := newRate("EventRate", perSecond, burst)
	return optionFunc(func(c *config) { c.eventRate = &r })
}

// ScalingRate sets how many new execution environments each function may start in the given time: a token bucket of
// that many, refilled steadily. Default: 1,000 in 10 s, Lambda's own (Developer Guide, "Lambda scaling behavior"). An
// environment serves one invocation at a time and stays warm for the life of the Service, so a function needs a new one
// only when it runs more at once than ever before.
func ScalingRate(environments int, per time.Duration) Option {
	if environments < 0 || per <= 0 {
		panic(fmt.Sprintf("lambdatest: ScalingRate(%d, %v): must not be negative, and the time positive", environments, per))
	}
	return optionFunc(func(c *config) { c.environments, c.scalingPer = environments, per })
}

// PayloadSizes sets how many bytes the payloads of Invoke have at the most: that of a RequestResponse, that of an Event,
// and that of a response. Default: 6,291,456, 1,048,576 and 6,291,556, Lambda's own (Lambda quotas, "Invocation
// payload"; the 100 bytes more of the response are in the words of its error).
func PayloadSizes(request, event, response int) Option {
	notNegative("PayloadSizes", min(request, event, response))
	return optionFunc(func(c *config) { c.sizes = sizes{request, event, response} })
}

// RoundTrip sets the time on the network that every request takes, half of it on the way there and half on the way
// back. Default: none. It comes on top of what a loopback port takes by itself.
func RoundTrip(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("lambdatest: RoundTrip(%v): must not be negative", d))
	}
	return optionFunc(func(c *config) { c.roundTrip = d })
}

// History sets how many invocations [Service.Invocations] remembers: the latest n. Default: all. Long simulations set
// it to 0 to save memory; [Service.Counts] counts all the same.
func History(n int) Option {
	notNegative("History", n)
	return optionFunc(func(c *config) { c.history = n })
}

func newRate(option string, perSecond float64, burst int) rate {
	if math.IsNaN(perSecond) || perSecond < 0 || burst < 0 {
		panic(fmt.Sprintf("lambdatest: %s(%v, %d): must not be negative", option, perSecond, burst))
	}
	return rate{perSecond, burst}
}

func notNegative(option string, n int) {
	if n < 0 {
		panic(fmt.Sprintf("lambdatest: %s(%d): must not be negative", option, n))
	}
}
