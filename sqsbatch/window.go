package sqsbatch

import (
	"context"
	"sync"
	"time"
)

// window bounds the messages that are held. It widens while those that come are soon in an invocation, and narrows when they are not: what is received too early
// waits here where it might be processed elsewhere.
type window struct {
	least, most int
	soon        time.Duration

	mu       sync.Mutex // protects following
	limit    int
	held     int
	narrowed time.Time
	changed  chan struct{} // closed when there may be room
}

func newWindow(least, most int, soon time.Duration) *window {
	least = min(least, most)
	return &window{least: least, most: most, soon: soon, limit: min(2*least, most), changed: make(chan struct{})}
}

// acquire waits for room for a whole receive, and takes it.
func (w *window) acquire(ctx context.Context) (n int, err error) {
	n = min(maxBatch, w.most)
	for {
		w.mu.Lock()
		if w.held+n <= w.limit {
			w.held += n
			w.mu.Unlock()
			return n, nil
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (w *window) release(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held -= n
	w.wakeLocked()
}

func (w *window) wakeLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// observe learns how long a message has waited until its first invocation.
func (w *window) observe(waited time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch now := time.Now(); {
	case waited > w.soon:
		// Once for all messages that waited in the same line.
		if now.Sub(w.narrowed) > w.soon {
			w.limit = max(w.limit/2, w.least)
			w.narrowed = now
		}
	case w.limit < w.most && w.held+maxBatch > w.limit: // and it is what holds us up
		w.limit++
		w.wakeLocked()
	}
}

func (w *window) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limit
}
