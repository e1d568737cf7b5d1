package engine

import "slices"

// done is a record with its outcome, which its owner has not been told yet.
type done struct {
	*Record
	outcome Outcome
}

// finish tells the owners of settled records one after the other. No lock may be
// held. Only then they count as done for those who wait in Flush and Shutdown, and
// make room.
func (e *Engine) finish(all ...done) { e.finishBy(e.told, all) }

// finishLanded is finish for records whose way has ended with their flight: nobody else
// looks at them any more.
func (e *Engine) finishLanded(all []done) { e.finishBy(e.toldLanded, all) }

func (e *Engine) finishBy(told func([]done), all []done) {
	n := 0
	defer func() {
		if n < len(all) { // runtime.Goexit in code of the user's: the rest is for another goroutine
			told(all[:n+1])
			go e.finishBy(told, slices.Clone(all[n+1:]))
		}
	}()
	for i := range all {
		d := &all[i]
		if d.more != nil && d.more.release != nil {
			d.more.release()
		}
		d.Owner.Resolve(d.outcome)
		n++
	}
	told(all)
}

// finishAside is finish for a goroutine that has something better to do.
func (e *Engine) finishAside(all []done) {
	if len(all) > 0 {
		go e.finish(all...)
	}
}

// told books that the owners of all know.
func (e *Engine) told(all []done) {
	if len(all) == 0 {
		return
	}
	e.mu.Lock()
	defer e.unlock()
	for i := range all {
		r := all[i].Record
		verdict := r.Owner.Verdict()
		if verdict != Unburied {
			e.finished(r, verdict)
			continue
		}
		e.toBury(r)
	}
	e.goOn()
}

// toldLanded is told, holding the lock for as short as possible.
func (e *Engine) toldLanded(all []done) {
	if len(all) == 0 {
		return
	}
	finished, bytes, succeeded := 0, 0, 0
	var unburied []*Record
	for i := range all {
		r := all[i].Record
		switch r.Owner.Verdict() {
		case Unburied:
			unburied = append(unburied, r)
			continue
		case Succeeded:
			succeeded++
		case Failed:
		}
		finished++
		bytes += len(r.Entry)
		r.told = true
		r.letGo()
	}
	e.mu.Lock()
	defer e.unlock()
	if len(e.gens) == 1 {
		e.gens[0].unfinished -= finished
	} else {
		for i := range all {
			if r := all[i].Record; r.told {
				e.generation(r).unfinished--
			}
		}
	}
	e.untold -= finished
	e.unfinished -= finished
	e.buffer.records -= finished
	e.buffer.bytes -= bytes
	e.counts.Succeeded += uint64(succeeded)
	e.counts.Failed += uint64(finished - succeeded)
	for _, r := range unburied {
		e.toBury(r)
	}
	e.goOn()
}

func (e *Engine) toBury(r *Record) {
	e.unburied = append(e.unburied, r)
	if e.buriers < buriersMax {
		e.buriers++
		go e.bury()
	}
}

// buriersMax is how many owners at a time may take their time.
const buriersMax = 64

// bury has owners bury their records.
func (e *Engine) bury() {
	var r *Record
	defer func() {
		if r != nil { // runtime.Goexit in code of the user's
			e.buried(r)
			go e.bury()
		}
	}()
	for r = e.nextUnburied(); r != nil; r = e.nextUnburied() {
		r.Owner.Bury()
		e.buried(r)
	}
}

// nextUnburied takes the next record to be buried. If there is none, a goroutine
// less is needed.
func (e *Engine) nextUnburied() *Record {
	e.mu.Lock()
	defer e.unlock()
	if len(e.unburied) == 0 {
		e.buriers--
		e.advance()
		return nil
	}
	r := e.unburied[0]
	e.unburied[0], e.unburied = nil, e.unburied[1:]
	return r
}

func (e *Engine) buried(r *Record) {
	e.mu.Lock()
	defer e.unlock()
	e.finished(r, r.Owner.Verdict())
	e.goOn()
}

// finished books that r's owner is done with it.
func (e *Engine) finished(r *Record, verdict Verdict) {
	if r.TakenIn() {
		e.generation(r).unfinished--
		e.untold--
		e.buffer.give(r)
	}
	if verdict == Succeeded {
		e.counts.Succeeded++
	} else {
		e.counts.Failed++
	}
	e.unfinished--
	r.told = true
	r.letGo()
}

// goOn lets those go on who waited for records to be finished.
func (e *Engine) goOn() {
	e.letIn()
	e.press()
	e.advance()
}
