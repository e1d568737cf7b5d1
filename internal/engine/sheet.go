package engine

import (
	"bytes"
	"slices"
)

// Envelope is what stands around the entries of a payload, and between any two.
type Envelope struct{ Opening, Separator, Closing string }

// Overhead is how many bytes a payload has besides its entries, if each of them brings a
// separator.
func (e *Envelope) Overhead() int { return len(e.Opening) + len(e.Closing) - len(e.Separator) }

// sheet is a payload that grows as records come in: a batch that is sealed as it was
// gathered need not be written, then, and its records' entries are nowhere else.
//
// If its records are plain, it is sealed as a whole: nobody looks at a record of it between
// Submit and its landing, and the lock is held for as long as one needs to look at none.
type sheet struct {
	bytes    []byte // the opening, and entries, each with a separator
	entries  int    // also those of records that have left
	first    *Record
	plain    bool // all of its records are
	full     bool // the next entry had no room
	shuffled int  // the lane's, when it was begun
}

// plain tells whether r cannot leave early and may share a batch with any other, so that
// nothing has to be asked about it.
func (r *Record) plain() bool {
	return !r.CallerID && (r.more == nil || r.more.release == nil && r.more.key == "")
}

// write puts r's entry on the lane's sheet, or on a new one if that holds a batch already.
func (l *lane) write(r *Record) {
	envelope := &l.limits.envelope
	if !r.Lent {
		l.sheet = nil // it is too large to be copied under the lock, and the sheet would have a gap
		return
	}
	s := l.sheet
	if s != nil && len(s.bytes)+len(r.Entry)+len(envelope.Closing) > l.limits.bytes {
		s.full = true
	}
	if s == nil || s.full || s.entries >= l.portion.records {
		room := max(l.sheetSize, l.limits.overhead()+l.limits.size(r)) + len(envelope.Separator)
		s = &sheet{bytes: append(make([]byte, 0, room), envelope.Opening...), first: r, plain: true, shuffled: l.shuffled}
		l.sheet = s
	}
	from := len(s.bytes)
	s.bytes = append(s.bytes, r.Entry...)
	r.Entry, r.Lent, r.sheet = s.bytes[from:len(s.bytes):len(s.bytes)], false, s
	s.bytes = append(s.bytes, envelope.Separator...)
	s.entries++
	s.plain = s.plain && r.plain()
}

// sealSheet takes the next batch if it is a whole sheet of plain records that are in the
// queue as they came, and no more would fit in. It returns what they add to a payload.
func (l *lane) sealSheet() (records []*Record, bytes int, s *sheet) {
	first := l.queue.all()[0]
	s = first.sheet
	if s == nil || s.first != first || !s.plain || s.shuffled != l.shuffled {
		return nil, 0, nil
	}
	if n := s.entries; n > l.portion.records || n < min(l.live, l.portion.records) && !s.full {
		return nil, 0, nil
	}
	records = slices.Clone(l.queue.all()[:s.entries])
	l.queue.drop(s.entries)
	if l.live -= s.entries; l.live == 0 {
		l.queue.drop(l.queue.len()) // nothing but holes
	}
	l.bytes -= len(s.bytes) - len(l.limits.envelope.Opening)
	l.urgent = nil
	if l.sheet == s {
		l.sheet = nil
	}
	l.sheetSize = len(s.bytes) - len(l.limits.envelope.Separator) + len(l.limits.envelope.Closing)
	return records, l.sheetSize, s
}

// keep has r's entry in memory of its own.
func (r *Record) keep() { r.Entry, r.Lent = bytes.Clone(r.Entry), false }

// sheetOf is the sheet that is the payload of records, if there is one.
func sheetOf(records []*Record) *sheet {
	if len(records) == 0 {
		return nil
	}
	s := records[0].sheet
	if s == nil || s.entries != len(records) {
		return nil
	}
	for _, r := range records {
		if r.sheet != s {
			return nil
		}
	}
	return s
}

// Payload writes the payload. It may be called once.
func (b *Batch) Payload() []byte {
	if s := b.sheet; s != nil {
		return append(s.bytes[:len(s.bytes)-len(b.envelope.Separator)], b.envelope.Closing...)
	}
	payload := make([]byte, 0, b.Bytes)
	payload = append(payload, b.envelope.Opening...)
	for i, r := range b.Records {
		if i > 0 {
			payload = append(payload, b.envelope.Separator...)
		}
		payload = append(payload, r.Entry...)
	}
	return append(payload, b.envelope.Closing...)
}
