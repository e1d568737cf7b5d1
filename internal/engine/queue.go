package engine

import (
	"cmp"
	"slices"
)

// queue is the records of a lane in the order in which they are to travel. A
// record that has left early stays as a hole until sealing comes by or the
// holes outnumber the records.
type queue struct {
	records []*Record
	head    int // records before it have left
}

func (q *queue) len() int { return len(q.records) - q.head }

func (q *queue) all() []*Record { return q.records[q.head:] }

func (q *queue) push(r *Record) {
	if q.head > 0 && len(q.records) == cap(q.records) {
		n := copy(q.records, q.records[q.head:])
		clear(q.records[n:])
		q.records, q.head = q.records[:n], 0
	}
	q.records = append(q.records, r)
}

// pushFront puts rs, in their order, before all others.
func (q *queue) pushFront(rs []*Record) {
	if q.head < len(rs) {
		moved := make([]*Record, len(rs)+q.len(), 2*(len(rs)+q.len()))
		copy(moved[len(rs):], q.all())
		q.records, q.head = moved, len(rs)
	}
	q.head -= len(rs)
	copy(q.records[q.head:], rs)
}

// comeBack puts rs, which are in the order of their arrival, where they were: before
// all others, mostly.
func (q *queue) comeBack(rs []*Record) {
	if len(rs) == 0 {
		return
	}
	older, _ := slices.BinarySearchFunc(q.all(), rs[len(rs)-1], bySeq)
	q.pushFront(rs)
	if older > 0 {
		slices.SortFunc(q.all()[:len(rs)+older], bySeq)
	}
}

func bySeq(a, b *Record) int { return cmp.Compare(a.seq, b.seq) }

// drop removes the first n.
func (q *queue) drop(n int) {
	clear(q.records[q.head : q.head+n])
	q.head += n
	if q.head == len(q.records) {
		q.records, q.head = q.records[:0], 0
	}
}

// keep removes all records but those of which keep says so.
func (q *queue) keep(keep func(*Record) bool) {
	kept := q.records[:0]
	for _, r := range q.all() {
		if keep(r) {
			kept = append(kept, r)
		}
	}
	clear(q.records[len(kept):])
	q.records, q.head = kept, 0
}
