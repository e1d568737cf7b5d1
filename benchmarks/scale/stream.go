package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// stream is a line of the first table: records that go through, one after the other.
type stream struct {
	name     string
	records  int
	repeat   int // records in a sample at the least
	pending  int // that wait for their result at a time
	tenants  int // that take turns, 0 is none
	batchers int // that take turns
	samples  []streamed
}

// streamed is what came of one run.
type streamed struct {
	ns, allocs, bytes float64 // per record
	perInvocation     float64 // records in an invocation
	left              float64 // bytes in all, when all is done and the Batchers are open still
}

func (s *stream) of(what func(streamed) float64) stat.Spread { return stat.Of(s.samples, what) }

// poolSize is how many records there are; they go round.
const poolSize = 1 << 14

// run runs the stream once, or as often as it takes to have repeat records: so few as a
// thousand are sent again and again, each time by a new Batcher, which is part of what
// they cost.
func (s *stream) run(pool []*orders.Record) error {
	turns := max(1, s.repeat/s.records)
	var sum streamed
	for range turns {
		got, err := s.once(pool)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		sum.ns += got.ns
		sum.allocs += got.allocs
		sum.bytes += got.bytes
		sum.perInvocation += got.perInvocation
		sum.left += got.left
	}
	n := float64(turns)
	s.samples = append(s.samples, streamed{sum.ns / n, sum.allocs / n, sum.bytes / n, sum.perInvocation / n, sum.left / n})
	return nil
}

// once begins with an empty heap.
func (s *stream) once(pool []*orders.Record) (streamed, error) {
	tenants := make([]lambdabatch.RecordOption, s.tenants)
	for i := range tenants {
		tenants[i] = lambdabatch.Tenant("tenant-" + strconv.Itoa(i))
	}
	ring := make([]*future, s.pending)
	before := settle()

	began := time.Now()
	c := &client{}
	batchers, err := newBatchers(c, max(1, s.batchers), s.pending)
	if err != nil {
		return streamed{}, err
	}
	if err := s.push(batchers, tenants, ring, pool); err != nil {
		return streamed{}, err
	}
	took := time.Since(began)
	done := look()
	if got := c.records.Load(); got != int64(s.records) {
		return streamed{}, fmt.Errorf("%d of %d records were handled", got, s.records)
	}
	clear(ring)
	left := settle()
	n := float64(s.records)
	return streamed{
		ns:            float64(took.Nanoseconds()) / n,
		allocs:        more(done.mallocs, before.mallocs) / n,
		bytes:         more(done.allocated, before.allocated) / n,
		perInvocation: n / float64(c.invocations.Load()),
		left:          more(left.heap, before.heap),
	}, closeAll(batchers)
}

// push sends all records, in one goroutine, and awaits each when as many are pending as
// may be.
func (s *stream) push(batchers []*batcher, tenants []lambdabatch.RecordOption, ring []*future, pool []*orders.Record) error {
	ctx := context.Background()
	for i := range s.records {
		slot := i % s.pending
		if i >= s.pending {
			if err := await(ring[slot], pool[(i-s.pending)%len(pool)]); err != nil {
				return err
			}
		}
		var options []lambdabatch.RecordOption
		if len(tenants) > 0 {
			options = tenants[i%len(tenants):][:1]
		}
		ring[slot] = batchers[i%len(batchers)].Submit(ctx, pool[i%len(pool)].Data, options...)
	}
	for i := max(0, s.records-s.pending); i < s.records; i++ { // the last ones linger, as they would
		if err := await(ring[i%s.pending], pool[i%len(pool)]); err != nil {
			return err
		}
	}
	return nil
}
