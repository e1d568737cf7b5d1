package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// pacer gives permits first come, first served, as soon as a policy lets it. It
// is what the rivals' limiters have in common.
type pacer struct {
	policy policy

	mu    sync.Mutex // protects following, and the policy
	line  []*waiter
	timer *time.Timer
}

// policy is asked under the pacer's lock.
type policy interface {
	// take takes a permit, or says after what time to ask again: 0 is when
	// something has been released.
	take(now time.Time) (ok bool, again time.Duration)
	release(sent, now time.Time, f lambdabatch.Feedback)
	idea(now time.Time) idea
}

type waiter struct {
	ready chan struct{}
	given bool
}

func newPacer(p policy) *pacer { return &pacer{policy: p} }

func (p *pacer) Acquire(ctx context.Context, name string) (func(lambdabatch.Feedback), error) {
	w := &waiter{ready: make(chan struct{})}
	p.mu.Lock()
	p.line = append(p.line, w)
	p.grant(time.Now())
	p.mu.Unlock()
	select {
	case <-w.ready:
		return p.releaser(time.Now()), nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if w.given {
		p.policy.release(now, now, lambdabatch.Feedback{Use: lambdabatch.NotUsed})
	}
	w.given = true // so that it is passed over
	p.grant(now)
	return nil, fmt.Errorf("waiting for a permit to invoke %s: %w", name, ctx.Err())
}

func (p *pacer) releaser(sent time.Time) func(lambdabatch.Feedback) {
	return func(f lambdabatch.Feedback) {
		p.mu.Lock()
		defer p.mu.Unlock()
		now := time.Now()
		p.policy.release(sent, now, f)
		p.grant(now)
	}
}

func (p *pacer) grant(now time.Time) {
	for len(p.line) > 0 {
		if p.line[0].given {
			p.line = p.line[1:]
			continue
		}
		ok, again := p.policy.take(now)
		if !ok {
			if again > 0 {
				p.wake(again)
			}
			return
		}
		p.line[0].given = true
		close(p.line[0].ready)
		p.line = p.line[1:]
	}
}

func (p *pacer) wake(d time.Duration) {
	if p.timer == nil {
		p.timer = time.AfterFunc(d, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.grant(time.Now())
		})
		return
	}
	p.timer.Reset(d)
}

func (p *pacer) idea() idea {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policy.idea(time.Now())
}

// tokens is a bucket whose rate and depth may change at any time.
type tokens struct {
	rate, depth float64
	level       float64
	last        time.Time
}

// take takes a token, or says when there will be one.
func (t *tokens) take(now time.Time) (bool, time.Duration) {
	t.fill(now)
	if t.level >= 1-1e-9 {
		t.level--
		return true, 0
	}
	return false, max(time.Microsecond, time.Duration((1-t.level)/t.rate*float64(time.Second))+1)
}

func (t *tokens) fill(now time.Time) {
	t.level = min(t.depth, t.level+t.rate*now.Sub(t.last).Seconds())
	t.last = now
}

// set changes the rate and the depth.
func (t *tokens) set(now time.Time, rate, depth float64) {
	t.fill(now)
	t.rate, t.depth = rate, depth
	t.level = min(t.level, depth)
}
