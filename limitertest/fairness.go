package limitertest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

func nobodyStarves(c *check) {
	for _, function := range []string{"busy", "modest", "a modest one"} {
		notStarved(c, function)
	}
}

// notStarved has one ask for a permit while others ask again and again. If it were
// drawn by lot, four of them would not be overtaken as often in the age of the
// universe.
func notStarved(c *check, function string) {
	const busy, bound = 3, 200
	l := c.limiter()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.patience)
	defer cancel()
	var given, overtaken atomic.Int64
	var waiting atomic.Bool
	warm := make(chan struct{})
	var group sync.WaitGroup
	for range busy {
		group.Go(func() {
			for ctx.Err() == nil {
				release, err := l.Acquire(ctx, "busy")
				if err != nil {
					return
				}
				if given.Add(1) == 10 {
					close(warm)
				}
				if waiting.Load() && overtaken.Add(1) > bound {
					cancel()
				}
				if c.ceilings.InFlight > 0 {
					sleep(ctx, 10*time.Millisecond)
				}
				release(succeeded)
			}
		})
	}
	select {
	case <-warm:
	case <-ctx.Done():
		c.t.Errorf("only %d permits were given in %v", given.Load(), c.patience)
	}
	r := c.ask(ctx, l, function)
	c.settle()
	waiting.Store(true)
	c.wait(r, c.patience+c.prompt, "the end of its context")
	if r.err == nil {
		r.release(succeeded)
	} else {
		c.t.Errorf("one who waits for a permit of %q was overtaken %d times by others, of %q: %v", function, overtaken.Load(), "busy", r.err)
	}
	cancel()
	c.join(&group, c.prompt)
}
