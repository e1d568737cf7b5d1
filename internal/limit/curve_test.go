package limit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var epoch = time.Unix(0, 0)

func TestCurve(t *testing.T) {
	t.Parallel()
	const k = 4 * time.Second
	c := curve{level: 100, searching: true}
	assert.True(t, c.cut(100, 0.8, 0.5, 1, epoch.Add(1), epoch.Add(2)))
	assert.InDelta(t, 80, c.level, 1e-9)
	assert.False(t, c.cut(80, 0.8, 0.5, 1, epoch.Add(1), epoch.Add(3)), "it was started before the cut")
	assert.False(t, c.cut(80, 0.8, 0.5, 1, epoch.Add(2), epoch.Add(3)), "or at the same moment")

	last := c.level
	for range 40 {
		c.grow(k/40, k, 0.2, 0)
		assert.Greater(t, c.level, last)
		last = c.level
	}
	assert.InDelta(t, 100, c.level, 1e-6, "it is back at the mark")
	c.grow(k/4, k, 0.2, 0)
	assert.Less(t, c.level, 101.0, "slowly past it")
	c.grow(3*k/4, k, 0.2, 0)
	assert.InDelta(t, 120, c.level, 1e-6, "and then faster")

	assert.True(t, c.cut(90, 0.8, 0.5, 1, epoch.Add(4), epoch.Add(5)))
	assert.InDelta(t, 72, c.level, 1e-9)
	assert.InDelta(t, 81, c.mark, 1e-9, "less than last time: it leaves some room to others")
	assert.True(t, c.cut(0.5, 0.8, 0.5, 1, epoch.Add(6), epoch.Add(7)))
	assert.InDelta(t, 1, c.level, 1e-9, "the floor")
}

func TestBucket(t *testing.T) {
	t.Parallel()
	b := newBucket(2, 3)
	now := epoch
	var last Token
	for range 3 {
		assert.Zero(t, b.wait(now))
		last = b.take(now)
	}
	assert.Equal(t, time.Second/2, b.wait(now))
	b.giveBack(now, last)
	assert.Zero(t, b.wait(now))
	last = b.take(now)
	now = now.Add(time.Second)
	b.giveBack(now, last)
	for range 3 {
		assert.Zero(t, b.wait(now))
		last = b.take(now)
	}
	assert.Equal(t, time.Second/2, b.wait(now), "what is given back fits in")
	now = now.Add(time.Second + time.Second/2)
	for range 3 {
		b.take(now)
	}
	b.giveBack(now, last)
	assert.Equal(t, time.Second/2, b.wait(now), "it might have been full meanwhile")
	b.set(now, 1, 1)
	assert.Equal(t, time.Second, b.wait(now))
	now = now.Add(time.Hour)
	b.giveBack(now, Token{at: now})
	b.take(now)
	assert.Equal(t, time.Second, b.wait(now), "a full bucket does not overflow")
	assert.Positive(t, newBucket(1e-12, 1).waitAfterOne(now), "however long it takes, it is no negative time")
	assert.Zero(t, (*bucket)(nil).wait(now))
}

func (b *bucket) waitAfterOne(now time.Time) time.Duration {
	b.take(now)
	return b.wait(now)
}

func TestMeter(t *testing.T) {
	t.Parallel()
	var m meter
	now := epoch
	for range 100 {
		m.count(now)
		now = now.Add(100 * time.Millisecond)
	}
	assert.InDelta(t, 10, m.perSecond(now), 1)
	assert.InDelta(t, 5, m.perSecond(now.Add(500*time.Millisecond)), 1.5)
	assert.Zero(t, m.perSecond(now.Add(time.Hour)))
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	var b breaker
	now := epoch
	end := func(failed, probe bool) (opened, closed bool) {
		opened, closed, _ = b.ended(failed, probe, now)
		return opened, closed
	}
	for range 3 {
		for range breakerInARow - 1 {
			opened, _ := end(true, false)
			assert.False(t, opened)
		}
		end(false, false)
		b.failed, b.seen = 0, 0
	}
	for i := range breakerLeast - 1 {
		opened, _ := end(i%2 == 0, false)
		assert.False(t, opened, "%d are not enough", i+1)
	}
	opened, _ := end(true, false)
	assert.True(t, opened, "half and more have failed")
	d := b.wait(now)
	assert.GreaterOrEqual(t, d, breakerFirst/2)
	assert.Less(t, d, breakerFirst)
	_, closed := end(false, false)
	assert.False(t, closed, "it was under way before")

	for range 10 {
		d := b.wait(now)
		assert.LessOrEqual(t, d, breakerLongest)
		now = now.Add(d)
		assert.True(t, b.started(now))
		assert.Equal(t, breakerPatience, b.wait(now), "one at a time")
		end(true, true)
	}
	d = b.wait(now)
	assert.GreaterOrEqual(t, d, breakerLongest/2)
	now = now.Add(d)
	b.started(now)
	b.unused(now)
	assert.Zero(t, b.wait(now), "another may probe")
	b.started(now)
	_, closed = end(false, true)
	assert.True(t, closed)
	assert.False(t, b.started(now))
}
