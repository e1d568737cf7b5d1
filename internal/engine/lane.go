package engine

import (
	"container/heap"
	"slices"
	"time"
)

// limits is what a batch may hold.
type limits struct {
	records  int
	bytes    int // of the payload
	envelope Envelope
	linger   time.Duration
}

// overhead is how many bytes a payload has besides its records and their separators.
func (l *limits) overhead() int { return l.envelope.Overhead() }

// size is how many bytes a record adds to a payload: a separator goes with each.
func (l *limits) size(r *Record) int { return len(r.Entry) + len(l.envelope.Separator) }

// lane is the records that may share a batch.
type lane struct {
	tenant string
	limits limits

	queue     queue
	live      int // queued records that have not left
	bytes     int // what they add to a payload
	hurried   int // those of them whose deadline presses before their linger is over
	callerIDs int // those of them whose ID is the caller's

	returning dueHeap // records waiting for the time of their retry
	absent    int     // those of them that have left

	pieces  []*piece            // to be sent, before the queue
	split   int                 // records in them and in trials that have not left
	trials  map[*trial]struct{} // that are not over
	failing bool                // since a trial was given up, nothing has succeeded
	portion portion

	sheet     *sheet // that entries are written on; nil: the next needs a new one
	sheetSize int    // bytes of the last payload
	shuffled  int    // how often records have come between those that were in the queue

	urgent   *Record // of the queued ones the one that waits least; nil if that has to be looked up
	flushSeq uint64  // Flush asked for all records up to this one

	// Of the lane in its Engine.
	ready      Reason
	list       *laneList
	next, prev *lane // in list
	timer      *time.Timer
	wakeAt     instant // what timer is set to; 0 when it is not running
}

func newLane(tenant string, limits limits) *lane {
	return &lane{tenant: tenant, limits: limits, portion: newPortion(limits.records)}
}

// pressAt is when r should not wait for company any longer.
func (l *lane) pressAt(r *Record) instant { return r.pressAt(l.limits.linger) }

func (l *lane) empty() bool {
	return l.live == 0 && len(l.returning) == l.absent && l.split == 0 && len(l.trials) == 0
}

// add puts a record behind the others.
func (l *lane) add(r *Record) {
	r.state = queued
	l.write(r)
	l.queue.push(r)
	if l.live == 0 || l.urgent != nil && l.pressAt(r) < l.pressAt(l.urgent) {
		l.urgent = r
	}
	l.count(r, 1)
}

// addHeld puts a record that was held to where it would be by its age.
func (l *lane) addHeld(r *Record) {
	r.state = queued
	l.queue.comeBack([]*Record{r})
	l.shuffled++
	l.urgent = nil
	l.count(r, 1)
}

func (l *lane) count(r *Record, n int) {
	if n < 0 && r == l.urgent {
		l.urgent = nil
	}
	l.live += n
	l.bytes += n * l.limits.size(r)
	if r.hurried {
		l.hurried += n
	}
	if r.CallerID {
		l.callerIDs += n
	}
}

// delay keeps a record back until its dueAt.
func (l *lane) delay(r *Record) {
	r.state = delayed
	heap.Push(&l.returning, r)
}

// leave takes a queued, delayed or split record out of the lane.
func (l *lane) leave(r *Record) {
	if p := r.piece(); p != nil && r.state != queued {
		defer p.left()
	}
	if r.state == split {
		r.state = settled
		l.split--
		return
	}
	if r.state == delayed {
		r.state = settled
		if l.absent++; l.absent > len(l.returning)/2 {
			l.returning = slices.DeleteFunc(l.returning, func(r *Record) bool { return r.state != delayed })
			heap.Init(&l.returning)
			l.absent = 0
		}
		return
	}
	r.state = settled
	l.count(r, -1)
	if l.queue.len() > 2*l.live {
		l.queue.keep(func(r *Record) bool { return r.state == queued })
	}
}

// comeBack brings back the delayed records whose time has come. Of those that stay,
// the first one has not left.
func (l *lane) comeBack(now instant) {
	var due []*Record
	for len(l.returning) > 0 {
		r := l.returning[0]
		if r.state == delayed && r.more.dueAt > now {
			break
		}
		heap.Pop(&l.returning)
		if r.state != delayed {
			l.absent--
			continue
		}
		due = append(due, r)
	}
	if due == nil {
		return
	}
	slices.SortFunc(due, bySeq)
	fresh := due[:0]
	for _, r := range due {
		if p := r.piece(); p != nil { // all of its records come back at the same time
			if !slices.Contains(l.pieces, p) {
				l.pieces = append(l.pieces, p)
			}
			r.state = split
			l.split++
			continue
		}
		r.state = queued
		l.count(r, 1)
		fresh = append(fresh, r)
	}
	l.urgent = nil
	l.queue.comeBack(fresh)
	l.shuffled++
}

// readiness tells why the lane is ready, or else when to look again: at the
// zero time there is nothing to look for.
func (l *lane) readiness(now instant) (Reason, instant) {
	l.comeBack(now)
	var again instant
	if len(l.returning) > 0 {
		again = l.returning[0].more.dueAt
	}
	if l.nextPiece() != nil {
		return Split, again
	}
	if l.live == 0 {
		return NotReady, again
	}
	if reason := l.full(); reason != NotReady {
		return reason, again
	}
	pressing := l.pressing()
	switch {
	case l.first().seq <= l.flushSeq:
		return Flush, again
	case l.pressAt(pressing) > now:
		if at := l.pressAt(pressing); again == 0 || at < again {
			again = at
		}
		return NotReady, again
	case pressing.hurried:
		return Deadline, again
	default:
		return Linger, again
	}
}

// full tells whether nothing is gained by waiting for more records.
func (l *lane) full() Reason {
	switch {
	case l.live >= l.portion.records:
		return Full
	case l.limits.overhead()+l.bytes >= l.limits.bytes:
		return Bytes
	default:
		return NotReady
	}
}

// nextPiece is the piece to be sent next, if there is one.
func (l *lane) nextPiece() *piece {
	for len(l.pieces) > 0 && l.pieces[0].live == 0 {
		l.pieces = l.pieces[1:]
	}
	if len(l.pieces) == 0 {
		return nil
	}
	return l.pieces[0]
}

// sealPiece takes the next piece, and returns what its records add to a
// payload, and those whose time is over, too.
func (l *lane) sealPiece(now instant) (p *piece, bytes int, over []*Record) {
	p = l.nextPiece()
	l.pieces = l.pieces[1:]
	bytes = l.limits.overhead()
	var records []*Record
	for _, r := range p.records {
		switch {
		case r.state != split:
		case r.over(now):
			over = append(over, r)
			l.split--
		default:
			records = append(records, r)
			bytes += l.limits.size(r)
			l.split--
		}
	}
	p.records, p.live = records, len(records)
	if p.live == 0 {
		p.landed()
		p.advance()
	}
	return p, bytes, over
}

// first is the first queued record, of which there must be one.
func (l *lane) first() *Record {
	for l.queue.all()[0].state != queued {
		l.queue.drop(1)
	}
	return l.queue.all()[0]
}

// pressing is the record that waits least: the first, unless the deadline of
// another presses more.
func (l *lane) pressing() *Record {
	if l.urgent != nil {
		return l.urgent
	}
	l.urgent = l.first()
	if l.hurried > 0 {
		for _, r := range l.queue.all() {
			if r.state == queued && l.pressAt(r) < l.pressAt(l.urgent) {
				l.urgent = r
			}
		}
	}
	return l.urgent
}

// seal takes the records of the next batch: in their order, up to the limits,
// and no two of the same ID. It returns what they add to a payload, and those whose
// time is over, too.
func (l *lane) seal(now instant) (records []*Record, bytes int, over []*Record) {
	records = make([]*Record, 0, min(l.live, l.portion.records))
	var skipped []*Record
	var ids map[string]struct{}
	if l.callerIDs > 0 {
		ids = make(map[string]struct{}, cap(records))
	}
	bytes = l.limits.overhead()
	seen := 0
	for _, r := range l.queue.all() {
		if len(records) == l.portion.records || len(skipped) == maxSkipped {
			break
		}
		if r.state != queued {
			seen++
			continue
		}
		if r.over(now) {
			seen++
			l.count(r, -1)
			over = append(over, r)
			continue
		}
		if bytes+l.limits.size(r) > l.limits.bytes {
			break
		}
		seen++
		if ids != nil {
			id := r.ID
			if _, doubled := ids[id]; doubled {
				skipped = append(skipped, r)
				continue
			}
			ids[id] = struct{}{}
		}
		records = append(records, r)
		bytes += l.limits.size(r)
		l.count(r, -1)
		if r.sheet == l.sheet {
			l.sheet = nil
		}
	}
	if l.live == len(skipped) {
		seen = l.queue.len() // nothing but holes is behind them
	}
	l.queue.drop(seen)
	l.queue.pushFront(skipped)
	l.sheetSize = bytes
	return records, bytes, over
}

// maxSkipped bounds how many records of IDs already in the batch sealing looks
// beyond, so that a lane full of one ID stays cheap.
const maxSkipped = 64

// dueHeap has the record that returns first on top.
type dueHeap []*Record

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool { return h[i].more.dueAt < h[j].more.dueAt }

func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *dueHeap) Push(r any) { *h = append(*h, r.(*Record)) }

func (h *dueHeap) Pop() any {
	old := *h
	n := len(old) - 1
	r := old[n]
	old[n] = nil
	*h = old[:n]
	return r
}
