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

// text is one of any length, with what JSON and HTML find special.
func (d dice) text() string {
	n := oneOf(d, 0, d.IntN(30), d.IntN(300))
	return strings.Repeat(oneOf(d, "x", "<é\">", `\`), n)[:n]
}

func oneOf[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }
