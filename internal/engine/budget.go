package engine

import (
	"errors"
	"sync"
	"time"
)

// ErrRetryBudget is the cause of a record's end that was not retried because the
// budget for retries was spent.
var ErrRetryBudget = errors.New("lambdabatch: the retry budget is spent")

// budgetRefill is how long it takes until a budget is full again by time alone. A
// budget that only successes fill would stay empty for ever once it was.
const budgetRefill = 100 * time.Second

// budget bounds retries: each takes a token, and each success gives a part of one
// back. The nil budget is without bounds.
type budget struct {
	ratio   float64
	reserve float64

	mu     sync.Mutex
	tokens float64
	at     time.Time // of tokens
}

func newBudget(ratio float64, reserve int) *budget {
	return &budget{ratio: ratio, reserve: float64(reserve), tokens: float64(reserve), at: time.Now()}
}

// take takes a token, if there is one.
func (b *budget) take(now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.After(b.at) {
		b.add(now.Sub(b.at).Seconds() / budgetRefill.Seconds() * b.reserve)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// succeeded gives back for n successes.
func (b *budget) succeeded(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(float64(n) * b.ratio)
}

func (b *budget) add(tokens float64) { b.tokens = min(b.tokens+tokens, max(b.reserve, 1)) }
