package engine

import "sync"

// scratch is what is needed to land one batch, and then another.
type scratch struct {
	aboard   []bool
	verdicts []verdict
	finished []done
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// free gives s back. It must not hold on to what was decided with it.
func (s *scratch) free() {
	clear(s.verdicts)
	clear(s.finished)
	s.aboard, s.verdicts, s.finished = s.aboard[:0], s.verdicts[:0], s.finished[:0]
	scratches.Put(s)
}
