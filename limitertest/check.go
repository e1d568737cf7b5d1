package limitertest

import (
	"bytes"
	"context"
	"errors"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// pace is how a check deals with time.
type pace struct {
	real     bool
	patience time.Duration // for a permit that must come, however slow the limiter has become
	blocked  time.Duration // if none came for so long, there is none
	prompt   time.Duration // for what must happen at once
	jitter   time.Duration // between a permit and the moment when it is seen
	storm    time.Duration
	idle     time.Duration
	seeds    int
	rounds   int
	permits  int // until somebody must have starved
	spare    int // goroutines that connections may have
}

var (
	inBubble = pace{
		patience: time.Hour, blocked: time.Minute, prompt: time.Second, jitter: time.Microsecond,
		storm: 5 * time.Second, idle: time.Hour, seeds: 10, rounds: 100, permits: 200,
	}
	byTheClock = pace{
		real: true, patience: 30 * time.Second, blocked: time.Second, prompt: time.Second, jitter: 250 * time.Millisecond,
		storm: 1500 * time.Millisecond, idle: time.Second, seeds: 1, rounds: 10, permits: 120, spare: 10,
	}
)

// check is one rule, applied to limiters with one set of ceilings.
type check struct {
	pace
	t        *testing.T
	factory  func(*testing.T, Ceilings) lambdabatch.Limiter
	ceilings Ceilings
	name     string // labels the goroutines of the check, which those of the limiter inherit
}

const label = "limitertest"

// watch labels the goroutines of the check, and fails it if one is left at its end.
func (c *check) watch() {
	pprof.SetGoroutineLabels(pprof.WithLabels(c.t.Context(), pprof.Labels(label, c.name)))
	if c.real { // those of connections may stay
		return
	}
	c.t.Cleanup(func() {
		synctest.Wait()
		if n, stacks := c.goroutines(); n > 0 {
			c.t.Errorf("%d goroutines of the limiter are left after the cleanups:\n%s", n, stacks)
		}
	})
}

// goroutines counts those with the check's label, but for the one that asks.
func (c *check) goroutines() (n int, stacks string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		c.t.Fatalf("limitertest: %v", err)
	}
	quoted := strconv.Quote(label) + ":" + strconv.Quote(c.name)
	_, all, _ := strings.Cut(profile.String(), "\n") // after the total
	for stack := range strings.SplitSeq(all, "\n\n") {
		if !strings.Contains(stack, quoted) {
			continue
		}
		count, _, _ := strings.Cut(stack, " @")
		k, err := strconv.Atoi(count)
		if err != nil {
			c.t.Fatalf("limitertest: the goroutine profile is not as expected: %q", stack)
		}
		n += k
		if !strings.Contains(stack, "limitertest.(*check).goroutines") {
			stacks += stack + "\n"
		}
	}
	return n - 1, stacks
}

// limiter is a new one.
func (c *check) limiter() lambdabatch.Limiter {
	c.t.Helper()
	l := c.factory(c.t, c.ceilings)
	if l == nil {
		c.t.Fatal("limitertest: the factory returned nil; to leave the check out it must call t.Skip")
	}
	return l
}

// settle waits until everything has happened that can happen now.
func (c *check) settle() {
	if c.real {
		<-time.After(100 * time.Millisecond)
	} else {
		synctest.Wait()
	}
}

// request is a call of Acquire.
type request struct {
	done    chan struct{} // closed when it has returned; then the rest may be read
	release func(lambdabatch.Feedback)
	err     error
	at      time.Time
}

// ask calls Acquire in a goroutine of its own.
func (c *check) ask(ctx context.Context, l lambdabatch.Limiter, function string) *request {
	r := &request{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.release, r.err = l.Acquire(ctx, function)
		r.at = time.Now()
		if r.err == nil && r.release == nil {
			r.err = errors.New("limitertest: Acquire returned neither release nor an error")
		}
	}()
	return r
}

// wait waits for the request to return, and fails the check if it does not.
func (c *check) wait(r *request, d time.Duration, when string) {
	c.t.Helper()
	select {
	case <-r.done:
	case <-time.After(d):
		c.t.Fatalf("Acquire has not returned %v after %s", d, when)
	}
}

// take waits for a permit, not longer than patience. It is nil if none came.
func (c *check) take(l lambdabatch.Limiter, patience time.Duration) (release func(lambdabatch.Feedback)) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	r := c.ask(ctx, l, "f")
	c.wait(r, patience+c.prompt, "the call: its context has ended long ago")
	if r.err != nil && !errors.Is(r.err, context.DeadlineExceeded) {
		c.t.Fatalf("Acquire failed: %v", r.err)
	}
	return r.release
}

// fill takes all permits that there are, one after the other.
func (c *check) fill(l lambdabatch.Limiter, patience time.Duration) []func(lambdabatch.Feedback) {
	c.t.Helper()
	var held []func(lambdabatch.Feedback)
	for range c.ceilings.InFlight + c.ceilings.Burst + 5 { // and not for ever, if it has no ceiling at all
		release := c.take(l, patience)
		if release == nil {
			break
		}
		held = append(held, release)
	}
	return held
}

// join waits for the goroutines of a check, and fails it if they do not end.
func (c *check) join(group *sync.WaitGroup, d time.Duration) {
	c.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	select {
	case <-done:
	case <-time.After(d):
		c.t.Fatalf("calls of Acquire have not returned after %v", d)
	}
}

// sleep waits for d, or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

var (
	succeeded = lambdabatch.Feedback{Use: lambdabatch.Succeeded}
	notUsed   = lambdabatch.Feedback{Use: lambdabatch.NotUsed}
)
