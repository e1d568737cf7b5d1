package limitertest

import (
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch"
)

// releaseCountsOnce gives one permit back again and again, and sees what is to be
// had then.
func releaseCountsOnce(c *check) {
	l := c.limiter()
	begin := time.Now()
	held := c.fill(l, c.prompt)
	if len(held) == 0 {
		c.t.Fatalf("no permit is to be had for %v", c.prompt)
	}
	release := held[0]
	release(notUsed)
	release(notUsed)
	release(succeeded)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() { release(notUsed) })
	}
	c.join(&group, c.prompt)
	more := c.fill(l, c.prompt)
	out := len(held) - 1 + len(more)
	if limit := c.ceilings.InFlight; limit > 0 && out > limit {
		c.t.Errorf("%d permits are out, above the ceiling of %d, after one was given back more than once", out, limit)
	}
	if limit := c.ceilings.within(time.Since(begin) + c.jitter); c.ceilings.PerSecond > 0 && out > limit {
		c.t.Errorf("%d permits were used where there are %d, after one was given back unused more than once", out, limit)
	}
	for _, release := range append(more, held[1:]...) {
		release(succeeded)
		release(notUsed) // which it was not
	}
	if c.ceilings.PerSecond > 0 {
		out += len(c.fill(l, c.prompt))
		if limit := c.ceilings.within(time.Since(begin) + c.jitter); out > limit {
			c.t.Errorf("%d permits were used where there are %d, after some were given back used and then once more, unused", out, limit)
		}
	}
}

// anyFeedbackFrees gives permits back with all that can come of them.
func anyFeedbackFrees(c *check) {
	l := c.limiter()
	reasons := append(types.ThrottleReason("").Values(), "", "NeverHeardOfLimitExceeded")
	feedback := make([]lambdabatch.Feedback, 0, len(reasons)+10)
	feedback = append(feedback, succeeded, notUsed,
		lambdabatch.Feedback{Use: lambdabatch.Failed},
		lambdabatch.Feedback{Use: lambdabatch.Use(99)},
		lambdabatch.Feedback{Use: lambdabatch.Throttled, RetryAfter: 20 * time.Millisecond},
		lambdabatch.Feedback{Use: lambdabatch.Throttled, RetryAfter: -time.Second})
	for _, reason := range reasons {
		feedback = append(feedback, lambdabatch.Feedback{Use: lambdabatch.Throttled, Reason: reason})
	}
	last := "the limiter was made"
	for _, f := range append(feedback, succeeded) {
		release := c.take(l, c.patience)
		if release == nil {
			c.t.Fatalf("no permit is to be had for %v after %s", c.patience, last)
		}
		release(f)
		last = "the last came back: " + f.Use.String() + " " + string(f.Reason)
	}
}
