package sqsbatch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// brake stops the receiving while messages fail that have no part in it: each would cost a delivery, of which a redrive policy allows few.
type brake struct {
	mu       sync.Mutex // protects following
	failures int
	until    time.Time
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
	if now.Before(b.until) {
		return false
	}
	pause := min(firstPause<<min(b.failures, 10), longestPause)
	b.failures++
	b.until = now.Add(pause/2 + rand.N(pause/2))
	return true
}

func (b *brake) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until = 0, time.Time{}
}

// wait returns when no pause is on, or ctx has ended.
func (b *brake) wait(ctx context.Context) {
	for ctx.Err() == nil {
		b.mu.Lock()
		left := time.Until(b.until)
		b.mu.Unlock()
		if left <= 0 || wait(ctx, min(left, firstPause)) != nil {
			return
		}
	}
}
