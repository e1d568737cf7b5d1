package lambdabatch

import (
	"strconv"
	"strings"

	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// pen writes the entries of records, one after the other, and generated IDs.
type pen struct {
	scratch []byte // lent to one entry at a time
	ids     string // several IDs, all of the same length
	each    int    // that length
}

const (
	lentSize  = 4 << 10 // bytes; a larger entry has memory of its own, and is not copied again by Submit
	idsAtOnce = 36      // one digit of 36
)

// room is an empty slice to append an entry of about n bytes to.
func (p *pen) room(n int) []byte {
	if n > lentSize {
		return make([]byte, 0, n)
	}
	if p.scratch == nil {
		p.scratch = make([]byte, lentSize)
	}
	return p.scratch[:0]
}

// write makes what was appended to what room gave the entry of r.
func (p *pen) write(r *engine.Record, entry []byte) {
	r.Entry = entry
	r.Lent = len(entry) > 0 && len(entry) <= len(p.scratch) && &entry[0] == &p.scratch[0]
}

// id returns an ID that no other record has, in this process or in another.
func (p *pen) id() string {
	if p.ids == "" {
		const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
		one := string(strconv.AppendUint([]byte(idPrefix), idCount.Add(1), 36))
		p.each = len(one) + 1
		var all strings.Builder
		all.Grow(idsAtOnce * p.each)
		for i := range idsAtOnce {
			all.WriteString(one)
			all.WriteByte(digits[i])
		}
		p.ids = all.String()
	}
	id := p.ids[:p.each]
	p.ids = p.ids[p.each:]
	return id
}
