package limitertest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

func nobodyStarves(c *check) {
	for _, function := range []string{"busy", "modest", "a modest one"} {
		noneIsStarved(c, function)
	}
}

// noneIsStarved has four ask for permits again and again, three of them for the
// function busy. If it were drawn by lot who is next, one of them would be
// overtaken too often once in ten million times.
func noneIsStarved(c *check, fourth string) {
	tooOften := int64(c.permits / 2)
	l := c.limiter()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.patience)
	defer cancel()
	var given atomic.Int64
	var group sync.WaitGroup
	var overtaken [4]int64
	for i, function := range []string{"busy", "busy", "busy", fourth} {
		group.Go(func() {
			for {
				asked := given.Load()
				release, err := l.Acquire(ctx, function)
				overtaken[i] = max(overtaken[i], given.Load()-asked)
				if err != nil {
					return
				}
				if given.Add(1) >= int64(c.permits) {
					cancel()
				}
				if c.ceilings.InFlight > 0 {
					sleep(ctx, 10*time.Millisecond)
				}
				release(succeeded)
				if ctx.Err() != nil {
					return
				}
			}
		})
		c.settle() // they come in this order
	}
	c.join(&group, c.patience+c.prompt)
	if n := given.Load(); n < int64(c.permits) {
		c.t.Errorf("only %d permits were given in %v to those who ask again and again", n, c.patience)
	}
	for i, n := range overtaken[:3] {
		if n > tooOften {
			c.t.Errorf("number %d who waits for a permit of %q was overtaken %d times", i, "busy", n)
		}
	}
	if n := overtaken[3]; n > tooOften {
		c.t.Errorf("one who waits for a permit of %q was overtaken %d times, by three of %q", fourth, n, "busy")
	}
}
