package engine

import "container/list"

// buffer bounds the records an Engine holds, from Submit to their outcome.
type buffer struct {
	maxRecords, maxBytes int
	records, bytes       int
	line                 list.List // of the *Record that wait for room, in their order
	refused              bool      // somebody was sent away since a record was taken in
}

// fits tells whether r may be taken in: there is room, and nobody who waits for
// some was here before.
func (b *buffer) fits(r *Record) bool { return b.line.Len() == 0 && b.hasRoom(r) }

// full tells whether no record whatever its size fits in, or some wait for room.
func (b *buffer) full() bool { return b.records >= b.maxRecords || b.line.Len() > 0 }

func (b *buffer) hasRoom(r *Record) bool {
	return b.records < b.maxRecords && b.bytes+len(r.Entry) <= b.maxBytes
}

func (b *buffer) take(r *Record) {
	b.refused = false
	b.records++
	b.bytes += len(r.Entry)
}

func (b *buffer) give(r *Record) {
	b.records--
	b.bytes -= len(r.Entry)
}

// wait makes r wait for room. The channel is closed when r is taken in, or
// settled in its place.
func (b *buffer) wait(r *Record) <-chan struct{} {
	r.state = roomless
	more := r.extra()
	more.room = make(chan struct{})
	more.place = b.line.PushBack(r)
	return more.room
}

// next takes the first who waits out of the line, if there is room for it now.
func (b *buffer) next() *Record {
	first := b.line.Front()
	if first == nil || !b.hasRoom(first.Value.(*Record)) {
		return nil
	}
	return b.line.Remove(first).(*Record)
}
