package limitertest

import (
	"context"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// everybodyIsServed has those who stay among those who leave.
func everybodyIsServed(c *check) {
	l := c.limiter()
	impatient, leave := context.WithTimeout(c.t.Context(), 30*time.Millisecond)
	defer leave()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.patience)
	defer cancel()
	const each = 30
	var stay []*request
	var group sync.WaitGroup
	for i := range 2 * each {
		wait := ctx
		if i%2 == 1 {
			wait = impatient
		}
		r := c.ask(wait, l, "f")
		if wait == ctx {
			stay = append(stay, r)
		}
		group.Go(func() {
			<-r.done
			if r.err == nil {
				sleep(ctx, 5*time.Millisecond)
				r.release(succeeded)
			}
		})
	}
	c.join(&group, c.patience+c.prompt)
	forgotten := 0
	for _, r := range stay {
		if r.err != nil {
			forgotten++
			c.t.Logf("Acquire returned: %v", r.err)
		}
	}
	if forgotten > 0 {
		c.t.Errorf("%d of %d who waited for %v got no permit", forgotten, each, c.patience)
	}
}

func nothingIsLost(c *check) {
	if c.ceilings.PerSecond > 0 {
		noTokenIsLost(c)
		for round := range c.seeds {
			noTokenIsLeft(c, 2+round%4)
		}
		return
	}
	noSlotIsLost(c)
	noneIsLostAtTheSameMoment(c)
}

// noTokenIsLost compares how many are served when half of those in line leave with how many
// when all stay. There are always enough in line.
func noTokenIsLost(c *check) {
	const waiters, step = 120, 50 * time.Millisecond
	const d = 2*time.Second + step/2
	served := func(leave bool) int {
		l := c.limiter()
		ctx, cancel := context.WithTimeout(c.t.Context(), d)
		defer cancel()
		var mu sync.Mutex
		n := 0
		var group sync.WaitGroup
		for i := range waiters {
			group.Go(func() {
				wait, cancel := ctx, context.CancelFunc(func() {})
				if leave && i%2 == 1 { // often at the very moment when the next permit is due
					wait, cancel = context.WithTimeout(ctx, time.Duration(i%20)*step)
				}
				defer cancel()
				if release, err := l.Acquire(wait, "f"); err == nil {
					mu.Lock()
					n++
					mu.Unlock()
					release(succeeded)
				}
			})
		}
		c.join(&group, d+c.prompt)
		return n
	}
	all, some := served(false), served(true)
	if some < all*9/10-1 {
		c.t.Errorf("within %v %d were served while others in line left, and %d when nobody did", d, some, all)
	}
}

// noTokenIsLeft has all in line leave at once, and sees what is to be had when all
// has been quiet for long.
func noTokenIsLeft(c *check, waiters int) {
	l := c.limiter()
	seen := &record{begin: time.Now()}
	for range c.ceilings.Burst {
		if c.take(l, c.patience) == nil {
			break
		}
		seen.start(true)
	}
	ctx, leave := context.WithCancel(c.t.Context())
	line := make([]*request, 0, waiters)
	for range waiters {
		line = append(line, c.ask(ctx, l, "f"))
		c.settle()
	}
	leave()
	for _, r := range line {
		c.wait(r, c.prompt, "the end of its context")
		if r.err == nil {
			r.release(notUsed)
		}
	}
	<-time.After(c.idle)
	for range c.ceilings.Burst + waiters {
		if c.take(l, c.patience) == nil {
			break
		}
		seen.start(true)
	}
	c.withinRate(seen.used)
}

// noSlotIsLost compares how many permits there are before and after others stood
// in line and left.
func noSlotIsLost(c *check) {
	count := func(waiters int) (before, after int) {
		l := c.limiter()
		held := c.fill(l, c.blocked)
		before = len(held)
		for _, last := range []bool{false, true} {
			ctx, leave := context.WithCancel(c.t.Context())
			line := make([]*request, 0, waiters)
			for range waiters {
				line = append(line, c.ask(ctx, l, "f"))
			}
			c.settle()
			var group sync.WaitGroup
			if last { // while the permits come back
				for _, release := range held {
					group.Go(func() { release(succeeded) })
				}
			}
			group.Go(leave)
			for _, r := range line {
				c.wait(r, c.prompt, "the end of its context")
				if r.err == nil {
					r.release(notUsed)
				}
			}
			c.join(&group, c.prompt)
		}
		return before, len(c.fill(l, c.blocked))
	}
	before, after := count(20)
	_, twin := count(0)
	if want := min(before, twin); after < want {
		c.t.Errorf("%d permits are to be had after others left the line, and %d before that and without them", after, want)
	}
}

// noneIsLostAtTheSameMoment ends the context of a waiter when his permit comes.
func noneIsLostAtTheSameMoment(c *check) {
	c.ceilings.InFlight = 1
	l := c.limiter()
	release := c.take(l, c.patience)
	for round := range c.rounds {
		if release == nil {
			c.t.Fatalf("no permit is to be had for %v after a waiter left at the same moment as his permit came, %d times", c.patience, round)
		}
		const step = 5 * time.Millisecond
		ctx, leave := context.WithTimeout(c.t.Context(), step)
		r := c.ask(ctx, l, "f")
		c.settle()
		var group sync.WaitGroup
		group.Go(func() {
			if round%2 == 0 {
				leave() // and now and then by itself, by its deadline
			}
		})
		group.Go(func() {
			if round%2 == 1 {
				sleep(c.t.Context(), step)
			}
			release(succeeded)
		})
		c.join(&group, step+c.prompt)
		c.wait(r, step+c.prompt, "the end of its context")
		leave()
		if r.err == nil {
			r.release(notUsed)
		}
		release = c.take(l, c.patience)
	}
}

// notUsedGoesBack takes a permit more often than the rate would allow if they
// were used.
func notUsedGoesBack(c *check) {
	l := c.limiter()
	const cycles = 20
	var begin time.Time
	for i := range cycles {
		release := c.take(l, c.patience)
		if release == nil {
			c.t.Fatalf("no permit is to be had for %v, after %d that were not used", c.patience, i)
		}
		if i == 0 {
			begin = time.Now()
		}
		release(notUsed)
	}
	used := time.Duration(float64(cycles-c.ceilings.Burst) / c.ceilings.PerSecond * float64(time.Second))
	if took := time.Since(begin); took > used/2 {
		c.t.Errorf("%d permits took %v though none of them was used; the same number used would have taken %v", cycles, took, used)
	}
	seen := &record{begin: time.Now()}
	for range 3 {
		if release := c.take(l, c.prompt); release != nil {
			seen.start(true)
			release(lambdabatch.Feedback{Use: lambdabatch.Failed})
		}
	}
	c.withinRate(seen.used) // they gave back no more than there was
}
