package engine

// laneList is lanes in the order in which they came in. A lane is in one at most.
type laneList struct {
	first, last *lane
}

// moveTo puts l at the end of a list, if it is not in it already; nil takes it out
// of the one it is in.
func (l *lane) moveTo(list *laneList) {
	if l.list == list {
		return
	}
	if l.list != nil {
		l.list.remove(l)
	}
	if l.list = list; list == nil {
		return
	}
	l.prev = list.last
	if list.last == nil {
		list.first = l
	} else {
		list.last.next = l
	}
	list.last = l
}

func (q *laneList) remove(l *lane) {
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
