package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// generation counts the records submitted between one Flush and the next.
type generation struct {
	last       uint64 // seq of its last record; the greatest there is for the current one
	unfinished int
	done       chan struct{} // closed when it and all before it are finished; nil for the current one
}

func newGeneration() *generation { return &generation{last: math.MaxUint64} }

// generation is the one that r belongs to.
func (e *Engine) generation(r *Record) *generation {
	i, _ := slices.BinarySearchFunc(e.gens, r.seq, func(g *generation, seq uint64) int { return cmp.Compare(g.last, seq) })
	return e.gens[i]
}

// advance lets go on who waits for generations that are finished, for all records
// to be, or for the Engine to be empty.
func (e *Engine) advance() {
	for len(e.gens) > 1 && e.gens[0].unfinished == 0 {
		close(e.gens[0].done)
		e.gens = e.gens[1:]
	}
	if e.unfinished == 0 {
		closeAll(&e.telling)
	}
	if e.empty() {
		closeAll(&e.drained)
	}
}

func closeAll(all *[]chan struct{}) {
	for _, c := range *all {
		close(c)
	}
	*all = nil
}

// empty tells whether nothing is left of a closing Engine's work.
func (e *Engine) empty() bool {
	return e.closing && e.running == 0 && e.buriers == 0 && e.unfinished == 0
}

// Flush sends what is in the lanes, and waits until all records submitted
// before are settled, or ctx ends.
func (e *Engine) Flush(ctx context.Context) error {
	e.mu.Lock()
	now := e.clock.now()
	e.flushed = e.seq
	for _, l := range e.lanes {
		l.flushSeq = e.flushed
		if l.ready == NotReady {
			e.update(l, now)
		}
	}
	current := e.gens[len(e.gens)-1]
	done := make(chan struct{})
	current.last, current.done = e.seq, done
	e.gens = append(e.gens, newGeneration())
	e.advance()
	e.unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown takes in no more, and waits until all records are finished and
// all goroutines have ended. When ctx ends before, what is left ends with
// ErrClosed, and ctx's error is returned.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	refused := e.closeDoor()
	drained := make(chan struct{})
	e.drained = append(e.drained, drained)
	e.advance()
	e.unlock()
	e.finish(refused...)

	select {
	case <-drained:
		e.cancel()
		return nil
	case <-ctx.Done():
	}
	e.mu.Lock()
	empty := e.empty() // at the same moment
	left, cancels := e.kill()
	e.unlock()
	e.cancel()
	for _, cancel := range cancels {
		cancel()
	}
	e.finish(left...)
	<-e.allTold()
	if empty {
		return nil
	}
	return ctx.Err()
}

// allTold is closed when no owner is left to be told: others may be about to tell
// some of an outcome that was decided before.
func (e *Engine) allTold() <-chan struct{} {
	e.mu.Lock()
	defer e.unlock()
	told := make(chan struct{})
	e.telling = append(e.telling, told)
	e.advance()
	return told
}

// closeDoor takes in no more. It returns the records that waited for room.
func (e *Engine) closeDoor() []done {
	if e.closing {
		return nil
	}
	e.closing = true
	var refused []done
	for e.buffer.line.Len() > 0 {
		r := e.buffer.line.Remove(e.buffer.line.Front()).(*Record)
		e.refuse(r)
		close(r.more.room)
		refused = append(refused, done{r, Outcome{Err: ErrClosed}})
	}
	e.press()
	return refused
}

// kill settles all records that are left, wherever they are, and sends no more. The
// invocations that are under way are to be cancelled.
func (e *Engine) kill() (left []done, cancels []context.CancelFunc) {
	e.killed = true
	take := func(records []*Record) {
		for _, r := range records {
			if r.state == queued || r.state == delayed || r.state == split || r.state == held || r.state == flying {
				left = append(left, done{r, r.end(ErrClosed)})
				e.settle(r)
			}
		}
	}
	for tenant, l := range e.lanes {
		take(l.queue.all())
		take(l.returning)
		for _, p := range l.pieces {
			take(p.records)
		}
		for t := range l.trials {
			for _, p := range t.rest {
				take(p.records)
			}
			t.rest = nil
		}
		l.moveTo(nil)
		e.wake(l, 0, 0)
		delete(e.lanes, tenant)
	}
	for _, o := range e.orders {
		take(o.held)
	}
	for b := range e.flights {
		b.board()
		take(b.Records)
		cancels = append(cancels, b.cancel)
	}
	e.askPermit()
	return left, cancels
}
