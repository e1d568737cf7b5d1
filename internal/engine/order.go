package engine

// orderKey names records that must not overtake each other.
type orderKey struct{ tenant, key string }

// order is the records of a key, in their order. The first has its way to go, in the
// lane or in flight; the others are held until it has ended.
type order struct {
	held []*Record // some may have left
}

// enter puts r into its lane, unless it has to wait for one of its key.
func (e *Engine) enter(l *lane, r *Record) (entered bool) {
	if r.Key() == "" {
		l.add(r)
		return true
	}
	k := orderKey{r.Tenant(), r.Key()}
	if o, busy := e.orders[k]; busy {
		r.state = held
		if r.Lent {
			r.keep()
		}
		o.held = append(o.held, r)
		return false
	}
	e.orders[k] = new(order)
	r.leads = true
	l.add(r)
	return true
}

// succeed lets the next record of r's key go, when r has ended and is in no flight any
// more: one that has left its flight is perhaps being executed still.
func (e *Engine) succeed(r *Record) {
	if !r.leads || r.state != settled || r.aboard || e.killed {
		return
	}
	r.leads = false
	k := orderKey{r.Tenant(), r.Key()}
	o := e.orders[k]
	for len(o.held) > 0 {
		next := o.held[0]
		o.held[0], o.held = nil, o.held[1:]
		if next.state != held {
			continue
		}
		next.leads = true
		l := e.lane(next.Tenant())
		l.addHeld(next)
		e.update(l, e.clock.now())
		return
	}
	delete(e.orders, k)
}
