package engine

// readyList is the lanes that are ready, in the order in which they became so.
type readyList struct {
	first, last *lane
}

func (q *readyList) push(l *lane) {
	l.prev, l.next = q.last, nil
	if q.last == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
}

func (q *readyList) remove(l *lane) {
	if l.prev == nil {
		q.first = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		q.last = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.next, l.prev = nil, nil
}
