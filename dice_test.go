package lambdabatch_test

import (
	"math/rand/v2"
	"strings"
	"time"
)

// dice are the random choices of a seed.
type dice struct {
	*rand.Rand
	grain time.Duration // spans are multiples of it, so that instants meet
}

// roll makes the dice of a seed for one purpose. Who does not ask in the same order
// each time, because he runs in a goroutine, has dice of his own.
func roll(seed uint64, purpose ...int) dice {
	stream := uint64(0)
	for _, p := range purpose {
		stream = (stream ^ uint64(p)) * 0x9e3779b97f4a7c15
	}
	return dice{rand.New(rand.NewPCG(seed, stream)), time.Nanosecond}
}

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// from is a number from low to high.
func (d dice) from(low, high int) int { return low + d.IntN(high-low+1) }

// span is a time from 0 to high.
func (d dice) span(high time.Duration) time.Duration {
	return time.Duration(d.Int64N(int64(high) + 1)).Truncate(d.grain)
}

// moment is a time from the shortest there is to high.
func (d dice) moment(high time.Duration) time.Duration { return max(d.grain, d.span(high)) }

// perSecond is a rate of which the tokens come at instants that are multiples of the
// grain, mostly.
func (d dice) perSecond() float64 {
	if d.grain == 1 {
		return 0.5 + oneOf[float64](d, 2, 20, 200)*d.Float64()
	}
	return float64(time.Second) / float64(d.grain) / float64(d.from(1, 10))
}

// text is one of any length, with what JSON and HTML find special.
func (d dice) text() string {
	n := oneOf(d, 0, d.IntN(30), d.IntN(300))
	return strings.Repeat(oneOf(d, "x", "<é\">", `\`), n)[:n]
}

func oneOf[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }
