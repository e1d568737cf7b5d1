package sqsbatch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// brake stops the receiving while messages fail that have no part in it: each would cost a delivery, of which a redrive policy allows few.
// After each pause a single receive tries whether it is over.
type brake struct {
	mu       sync.Mutex // protects following
	failures int
	until    time.Time
	trying   bool // one receive goes ahead, and the others wait for what comes of it
}

const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// fail reports whether a pause has begun.
func (b *brake) fail() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Before(b.until) && !b.trying {
		return false
	}
	pause := min(firstPause<<min(b.failures, 10), longestPause)
	b.failures++
	b.until, b.trying = now.Add(pause/2+rand.N(pause/2)), false
	return true
}

func (b *brake) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until, b.trying = 0, time.Time{}, false
}

// idle ends a try for which there was no message.
func (b *brake) idle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying {
		b.until, b.trying = time.Time{}, false
	}
}

// wait returns when the caller may receive, or ctx has ended.
func (b *brake) wait(ctx context.Context) {
	for ctx.Err() == nil {
		left := b.try()
		if left <= 0 || wait(ctx, min(left, firstPause)) != nil {
			return
		}
	}
}

// try returns how long to wait yet. With 0 the caller may receive.
func (b *brake) try() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := time.Until(b.until)
	if left <= 0 && b.failures > 0 {
		b.until, b.trying = time.Now().Add(longestPause), true
	}
	return left
}
