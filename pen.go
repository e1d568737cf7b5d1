package lambdabatch

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// pen writes the entries of records, and generated IDs, many into one piece of memory.
// Such a piece is freed when the last of them is not needed any more, so it is small.
type pen struct {
	page []byte // what is written on it stays; beyond its length it is free
	ids  string // several IDs, all of the same length
	each int    // that length
}

const (
	pageSize  = 4 << 10
	ownPage   = 1 << 10 // from this size on an entry has a page of its own
	idsAtOnce = 36      // one digit
)

var pens = sync.Pool{New: func() any { return new(pen) }}

// room is an empty slice with room for n bytes, at least.
func (p *pen) room(n int) []byte {
	if n >= ownPage {
		return make([]byte, 0, n)
	}
	if cap(p.page)-len(p.page) < n {
		p.page = make([]byte, 0, pageSize)
	}
	return p.page[len(p.page):]
}

// write takes in an entry, and returns it for good. If it was appended to what room
// gave and has found room there, it is on the page, and else in memory of its own.
func (p *pen) write(entry []byte) []byte {
	used, n := len(p.page), len(p.page)+len(entry)
	if len(entry) > 0 && n <= cap(p.page) && &entry[0] == &p.page[:n][used] {
		p.page = p.page[:n]
		return slices.Clip(entry)
	}
	return entry
}

// id returns an ID that no other record has, in this process or in another.
func (p *pen) id() string {
	if p.ids == "" {
		n := strconv.FormatUint(idCount.Add(1), 36)
		p.each = len(idPrefix) + len(n) + 1
		var all strings.Builder
		all.Grow(idsAtOnce * p.each)
		for i := range idsAtOnce {
			all.WriteString(idPrefix)
			all.WriteString(n)
			all.WriteString(strconv.FormatUint(uint64(i), 36))
		}
		p.ids = all.String()
	}
	id := p.ids[:p.each]
	p.ids = p.ids[p.each:]
	return id
}
