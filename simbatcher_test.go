package lambdabatch_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch"
)

// simBatcher is a Batcher of the simulation and its options, as far as the model
// has to know them. What is 0 is left to its default.
type simBatcher struct {
	*lambdabatch.Batcher[order, answer]
	t *testing.T

	number   int
	function string
	event    bool
	certain  bool // WithRetryUncertain(false)
	durable  bool
	failFast bool

	ownFormat bool

	maxRecords, maxBytes         int
	maxBuffered, maxBufferedSize int
	maxAttempts                  int
	linger, invocation, delivery time.Duration
	budget                       bool
	ratio                        float64
	reserve                      int

	pause   time.Duration // of the backoff, if it is constant
	jitter  bool
	retries int  // after so many the backoff stops; -1: never
	letters bool // dead letters are written
	stuck   bool // the dead letter function waits for the end of its context
	pranks  map[spot]*prank

	flushes, shutdowns []simCall
	maps               []*simMap
	records            []*simRecord
}

// simCall is a call of Flush or Shutdown.
type simCall struct {
	at    time.Duration
	grace time.Duration // until its context ends; negative: never
}

// simMap is a call of Map.
type simMap struct {
	template simRecord
	records  []*simRecord
	stop     int // it is left after so many outcomes; 0: never
}

func (s *scenario) drawBatcher(d dice, number int) *simBatcher {
	b := &simBatcher{
		number: number, event: d.oneIn(6),
		maxRecords: oneOf(d, d.from(1, 4), d.from(1, 30)), maxBytes: d.from(3000, 10_000),
		maxBuffered: d.from(1, 40), maxBufferedSize: d.from(2500, 20_000), maxAttempts: d.from(1, 5),
		linger:  oneOf(d, 0, d.span(300*time.Millisecond), d.span(3*time.Second)),
		budget:  d.oneIn(4),
		ratio:   oneOf(d, 0, 0.1, 0.5),
		reserve: oneOf(d, 0, 1, 10),
		pause:   oneOf(d, 0, d.span(time.Second)),
		jitter:  d.oneIn(2),
		retries: -1,
		letters: !d.oneIn(3),
	}
	f := oneOf(d, s.functions...)
	b.function, b.durable = f.name, f.durable
	if d.oneIn(3) {
		b.maxBuffered, b.maxBufferedSize = 1000, 1<<20
	}
	first := d.span(20 * time.Second)
	for range oneOf(d, 0, 1, 2, 6) {
		b.flushes = append(b.flushes, simCall{oneOf(d, first, d.span(20*time.Second)), oneOf(d, -1, d.span(5*time.Second))})
	}
	if s.mood != wild {
		return b
	}
	b.certain, b.failFast = d.oneIn(3), d.oneIn(5)
	if d.oneIn(2) {
		b.maxBytes = d.from(100, 1000)
	}
	if d.oneIn(3) {
		b.maxBufferedSize = d.from(1, 2000)
	}
	b.invocation = oneOf(d, 0, d.moment(10*time.Second))
	b.delivery = oneOf(d, 0, 0, d.moment(time.Second), d.moment(20*time.Second))
	if d.oneIn(6) {
		b.retries = d.IntN(4)
	}
	b.stuck = d.oneIn(20)
	b.ownFormat = d.oneIn(4)
	if d.oneIn(2) {
		b.pranks = drawPranks(d)
	}
	for d.oneIn(2) {
		b.shutdowns = append(b.shutdowns, simCall{d.span(30 * time.Second), oneOf(d, -1, 0, d.span(5*time.Second))})
	}
	return b
}

// String tells its options.
func (b *simBatcher) String() string {
	plain := *b
	plain.Batcher, plain.t, plain.maps, plain.records, plain.pranks = nil, nil, nil, nil, nil
	var text strings.Builder
	fmt.Fprintf(&text, "%+v", simBatcherFields(plain))
	for at, p := range b.pranks {
		fmt.Fprintf(&text, "\n  %s %s at call %d and each %d later, delay %v", at, p.how, p.first, p.then, p.delay)
	}
	return text.String()
}

// simBatcherFields is without methods, to be printed.
type simBatcherFields simBatcher

func (b *simBatcher) options(seed uint64) []lambdabatch.Option {
	opts := []lambdabatch.Option{
		lambdabatch.WithMaxRecords(b.maxRecords), lambdabatch.WithMaxBytes(b.maxBytes),
		lambdabatch.WithMaxBuffered(b.maxBuffered, b.maxBufferedSize), lambdabatch.WithMaxAttempts(b.maxAttempts),
		lambdabatch.WithLinger(b.linger), lambdabatch.WithDeliveryTimeout(b.delivery), lambdabatch.WithRetryUncertain(!b.certain),
		lambdabatch.WithBackoff(b.backoffs(seed)),
	}
	if b.event {
		opts = append(opts, lambdabatch.WithInvocationType(types.InvocationTypeEvent))
	}
	if b.durable {
		opts = append(opts, lambdabatch.WithDurableExecutions(), lambdabatch.WithQualifier("live"))
	}
	if b.failFast {
		opts = append(opts, lambdabatch.WithFailFast())
	}
	if b.invocation > 0 {
		opts = append(opts, lambdabatch.WithInvocationTimeout(b.invocation))
	}
	if b.budget {
		opts = append(opts, lambdabatch.WithRetryBudget(b.ratio, b.reserve))
	}
	return opts
}

// play is what the user's code does at a spot: it looks at the Batcher, so no lock
// may be held, and perhaps plays a prank. It reports whether the code is to fail.
func (b *simBatcher) play(at spot) bool {
	st := b.Stats()
	if st.Waiting < 0 || st.InFlight < 0 || st.Submitted < st.Succeeded+st.Failed+uint64(st.Waiting+st.InFlight) {
		b.t.Errorf("Batcher %d: %+v", b.number, st)
	}
	return b.pranks[at].play()
}

// delayed is how long the user's code at these spots takes.
func (b *simBatcher) delayed(at ...spot) time.Duration {
	var d time.Duration
	for _, at := range at {
		if p := b.pranks[at]; p != nil {
			d += p.delay
		}
	}
	return d
}

// sabotaged tells whether code at these spots fails in any call.
func (b *simBatcher) sabotaged(at ...spot) bool {
	for _, at := range at {
		if p := b.pranks[at]; p != nil && p.calls.Load() >= p.first {
			return true
		}
	}
	return false
}

// exited tells whether code at these spots has ended its goroutine in any call.
func (b *simBatcher) exited(at ...spot) bool {
	for _, at := range at {
		if b.sabotaged(at) && b.pranks[at].how == prankExit {
			return true
		}
	}
	return false
}

// backoffs makes backoffs that draw their delays from the seed.
func (b *simBatcher) backoffs(seed uint64) func() backoff.BackOff {
	var mu sync.Mutex
	made := 0
	return func() backoff.BackOff {
		b.play(inBackoff)
		mu.Lock()
		defer mu.Unlock()
		made++
		return &simBackoff{b, roll(seed, 'b', b.number, made), 0}
	}
}

type simBackoff struct {
	*simBatcher
	dice  dice
	given int
}

func (f *simBackoff) NextBackOff() time.Duration {
	if f.play(inBackoff) || f.given == f.retries {
		return backoff.Stop
	}
	f.given++
	if f.jitter {
		return f.dice.span(f.pause << min(f.given, 5))
	}
	return f.pause
}

func (f *simBackoff) Reset() { f.given = 0 }
