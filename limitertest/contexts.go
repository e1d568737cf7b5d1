package limitertest

import (
	"context"
	"errors"
	"time"
)

// contextEnds has somebody wait for a permit that does not come, until his context
// ends in one way or another.
func contextEnds(c *check) {
	l := c.limiter()
	held := c.take(l, c.patience)
	if held == nil {
		c.t.Fatalf("no permit is to be had for %v", c.patience)
	}
	const soon = 50 * time.Millisecond
	type end struct {
		context.Context
		now func()
	}
	for how, begin := range map[string]func() end{
		"cancelled": func() end {
			ctx, cancel := context.WithCancel(c.t.Context())
			return end{ctx, cancel}
		},
		"cancelled for a cause": func() end {
			ctx, cancel := context.WithCancelCause(c.t.Context())
			return end{ctx, func() { cancel(errors.New("the cause")) }}
		},
		"at its deadline": func() end {
			ctx, cancel := context.WithTimeout(c.t.Context(), soon)
			return end{ctx, func() { <-ctx.Done(); cancel() }}
		},
		"cancelled before the call": func() end {
			ctx, cancel := context.WithCancel(c.t.Context())
			cancel()
			return end{ctx, cancel}
		},
		"past its deadline before the call": func() end {
			ctx, cancel := context.WithDeadline(c.t.Context(), time.Now().Add(-time.Hour))
			return end{ctx, cancel}
		},
	} {
		ctx := begin()
		r := c.ask(ctx, l, "f")
		c.settle()
		ctx.now()
		c.wait(r, c.prompt, "the end of its context, "+how)
		switch {
		case r.err == nil:
			c.t.Errorf("context %s: got a permit above the ceiling", how)
		case !errors.Is(r.err, ctx.Err()):
			c.t.Errorf("context %s: the error does not wrap %q: %v", how, ctx.Err(), r.err)
		}
	}
	held(notUsed)

	// Now there is a permit, and he may have it.
	ctx, cancel := context.WithCancel(c.t.Context())
	cancel()
	r := c.ask(ctx, l, "f")
	c.wait(r, c.prompt, "the call, with a context that had ended")
	switch {
	case r.err == nil:
		r.release(notUsed)
	case !errors.Is(r.err, context.Canceled):
		c.t.Errorf("the context had ended, and the error does not wrap %q: %v", context.Canceled, r.err)
	}
}
