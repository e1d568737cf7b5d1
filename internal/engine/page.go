package engine

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Page is memory that the entries of several records share. It is used anew when none of
// them is needed any more, so that a stream of records goes through the same few pages.
type Page struct {
	bytes []byte // what is written on it stays; beyond its length it is free
	users atomic.Int32
	taken int32 // how many entries are on it
}

const (
	pageSize = 4 << 10
	writing  = 1 << 30 // is among the users as long as more may be written
)

var pages = sync.Pool{New: func() any { return &Page{bytes: make([]byte, 0, pageSize)} }}

// NewPage returns an empty page.
func NewPage() *Page {
	p := pages.Get().(*Page)
	p.bytes, p.taken = p.bytes[:0], 0
	p.users.Store(writing)
	return p
}

// Room is how many bytes are left.
func (p *Page) Room() int { return cap(p.bytes) - len(p.bytes) }

// Rest is the free part, an empty slice.
func (p *Page) Rest() []byte { return p.bytes[len(p.bytes):] }

// Write makes what was appended to Rest the entry of r. If it has not found room there it
// is in memory of its own, and r does without the page.
func (p *Page) Write(r *Record, entry []byte) {
	r.Entry = entry
	used, n := len(p.bytes), len(p.bytes)+len(entry)
	if len(entry) > 0 && n <= cap(p.bytes) && &entry[0] == &p.bytes[:n][used] {
		p.bytes = p.bytes[:n]
		p.taken++
		r.Entry, r.page = slices.Clip(entry), p
	}
}

// Close ends writing.
func (p *Page) Close() { p.leave(writing - p.taken) }

func (p *Page) leave(users int32) {
	if p.users.Add(-users) == 0 {
		pages.Put(p)
	}
}
