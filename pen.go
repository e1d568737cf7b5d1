package lambdabatch

import (
	"strconv"

	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// pen writes the entries of records, and generated IDs. It does so for many at once, one
// after the other.
type pen struct {
	page *engine.Page
	ids  string // several IDs, all of the same length
	each int    // that length
}

const (
	ownMemory = 1 << 10 // bytes; from this size on an entry is not written on a page
	idsAtOnce = 36      // one digit of 36
)

// room is an empty slice with room for n bytes, at least.
func (p *pen) room(n int) []byte {
	if n >= ownMemory {
		return make([]byte, 0, n)
	}
	if p.page == nil || p.page.Room() < n {
		if p.page != nil {
			p.page.Close()
		}
		p.page = engine.NewPage()
	}
	return p.page.Rest()
}

// write makes what was appended to what room gave the entry of r.
func (p *pen) write(r *engine.Record, entry []byte) {
	if p.page == nil {
		r.Entry = entry
		return
	}
	p.page.Write(r, entry)
}

// id returns an ID that no other record has, in this process or in another.
func (p *pen) id() string {
	if p.ids == "" {
		const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
		one := strconv.AppendUint([]byte(idPrefix), idCount.Add(1), 36)
		p.each = len(one) + 1
		all := make([]byte, 0, idsAtOnce*p.each)
		for _, last := range digits {
			all = append(append(all, one...), byte(last))
		}
		p.ids = string(all)
	}
	id := p.ids[:p.each]
	p.ids = p.ids[p.each:]
	return id
}
