package limitertest

import (
	"context"
	"time"
)

// noGoroutineIsLeft has many come in vain.
func noGoroutineIsLeft(c *check) {
	l := c.limiter()
	if release := c.take(l, c.patience); release != nil { // as connections are made when they are needed
		release(notUsed)
	}
	c.settle()
	before, _ := c.goroutines()

	held := c.fill(l, c.prompt)
	for _, way := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) { return context.WithCancel(c.t.Context()) },
		func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(c.t.Context(), 20*time.Millisecond)
		},
	} {
		ctx, leave := way()
		const waiters = 50
		line := make([]*request, 0, waiters)
		for range waiters {
			line = append(line, c.ask(ctx, l, "f"))
		}
		c.settle()
		leave()
		for _, r := range line {
			c.wait(r, c.prompt, "the end of its context")
			if r.err == nil {
				r.release(succeeded)
			}
		}
	}
	for _, release := range held {
		release(succeeded)
	}

	c.settle()
	after, stacks := c.goroutines()
	for end := time.Now().Add(c.prompt); after > before+c.spare && time.Now().Before(end); {
		c.settle()
		after, stacks = c.goroutines()
		sleep(c.t.Context(), 10*time.Millisecond)
	}
	if after > before+c.spare {
		c.t.Errorf("%d goroutines at rest, and %d before:\n%s", after, before, stacks)
	}
}
