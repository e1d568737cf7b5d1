package limitertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// ceilingsHold lets many users come and go at random, and after a pause come all
// at once.
func ceilingsHold(c *check) {
	for seed := range c.seeds {
		l := c.limiter()
		seen := &record{begin: time.Now()}
		c.users(l, seed, 20, c.storm, seen)
		<-time.After(c.idle)
		c.users(l, -1-seed, 4*c.ceilings.Burst+2*c.ceilings.InFlight, c.storm/10, seen)
		c.verify(seen)
	}
}

// record is what became of the permits.
type record struct {
	begin time.Time

	mu      sync.Mutex // protects following
	used    []time.Duration
	held    int
	most    int
	foreign error
}

func (r *record) start(used bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held++
	r.most = max(r.most, r.held)
	if used {
		r.used = append(r.used, time.Since(r.begin))
	}
}

func (r *record) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held--
}

func (r *record) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.foreign = err
}

// users lets n users ask for permits for the time d, all of them at once at first.
func (c *check) users(l lambdabatch.Limiter, seed, n int, d time.Duration, seen *record) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), d)
	defer cancel()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(seed), uint64(i))) //nolint:gosec // any number is a seed
			for ctx.Err() == nil {
				c.use(ctx, l, random, seen)
				sleep(ctx, time.Duration(random.Int64N(int64(200*time.Millisecond))))
			}
		})
	}
	c.join(&group, d+c.prompt)
}

// use asks for one permit and gives it back.
func (c *check) use(ctx context.Context, l lambdabatch.Limiter, random *rand.Rand, seen *record) {
	patience := c.storm
	if random.IntN(2) == 0 {
		patience = time.Duration(random.Int64N(int64(100 * time.Millisecond)))
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	release, err := l.Acquire(wait, []string{"f", "g", "h"}[random.IntN(3)])
	if err != nil {
		if !errors.Is(err, context.DeadlineExceeded) { // perhaps early, if it saw that there was no time
			seen.failed(err)
		}
		return
	}
	var feedback lambdabatch.Feedback
	switch random.IntN(10) {
	case 0, 1:
		feedback = notUsed
	case 2:
		feedback = lambdabatch.Feedback{Use: lambdabatch.Failed}
	case 3:
		feedback = lambdabatch.Feedback{Use: lambdabatch.Throttled}
	}
	seen.start(feedback != notUsed)
	if feedback != notUsed {
		sleep(ctx, time.Duration(random.Int64N(int64(100*time.Millisecond))))
	}
	seen.end()
	release(feedback)
}

// verify fails the check if what was seen is above the ceilings.
func (c *check) verify(seen *record) {
	c.t.Helper()
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if seen.foreign != nil {
		c.t.Errorf("Acquire failed with another error than its context: %v", seen.foreign)
	}
	if len(seen.used) == 0 {
		c.t.Errorf("not a single permit was given")
	}
	if limit := c.ceilings.InFlight; limit > 0 && seen.most > limit {
		c.t.Errorf("%d permits were out at a time, above the ceiling of %d", seen.most, limit)
	}
	if c.ceilings.PerSecond > 0 {
		c.withinRate(seen.used)
	}
}

// withinRate fails the check if a span of time holds more permits than the
// ceiling has to give in it.
func (c *check) withinRate(used []time.Duration) {
	c.t.Helper()
	slices.Sort(used)
	for i := range used {
		for j := i; j < len(used); j++ {
			span := used[j] - used[i]
			if n := j - i + 1; n > c.ceilings.within(span+c.jitter) {
				c.t.Errorf("%d permits were given within %v, above the ceiling of %s", n, span, c.ceilings.describe())
				return
			}
		}
	}
}

// within is how many may start in a span of time.
func (c Ceilings) within(span time.Duration) int {
	return c.Burst + int(c.PerSecond*span.Seconds())
}
