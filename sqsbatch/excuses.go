package sqsbatch

import "sync"

// maxExcuses bounds how many messages are remembered, which is about a megabyte. Of more only the deliveries that SQS counts are known.
const maxExcuses = 10_000

// excuses are the deliveries that a message had no part in the end of: it was held by its group, there was no time for it, or something else was
// down. SQS counts them like the others.
type excuses struct {
	mu   sync.Mutex // protects following
	byID map[string]int
}

func (e *excuses) add(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID = make(map[string]int)
	}
	if _, known := e.byID[id]; !known && len(e.byID) >= maxExcuses {
		for other := range e.byID { // whichever
			delete(e.byID, other)
			break
		}
	}
	e.byID[id]++
}

func (e *excuses) of(id string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byID[id]
}

func (e *excuses) forget(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byID, id)
}
