package engine

import "context"

// askPermit sees to it that a goroutine asks for a permit while a lane is
// ready, and that none does when none is. One asks at a time: a permit is for
// the function, and which records use it is decided when it is there.
func (e *Engine) askPermit() {
	switch {
	case e.ready.first == nil:
		if e.asking && e.cancelAsk != nil {
			e.cancelAsk()
			e.ask, e.cancelAsk = nil, nil
		}
	case !e.asking && !e.killed:
		e.asking = true
		e.running++
		e.starting = pilots.Get().(*pilot)
		e.starting.Engine, e.starting.asks = e, e.askContext()
	}
}

// unlock lets go of the lock, and starts the goroutine that was found to be needed
// meanwhile: that may take long enough for others to go to sleep over the lock.
func (e *Engine) unlock() {
	p := e.starting
	e.starting = nil
	e.mu.Unlock()
	if p != nil {
		if p.fly == nil {
			p.fly = p.run
		}
		go p.fly()
	}
}

// askContext ends when no permit is needed any more.
func (e *Engine) askContext() context.Context {
	if e.ask == nil {
		e.ask, e.cancelAsk = context.WithCancel(e.stop)
	}
	return e.ask
}

// seal makes the next batch of the lane that has been ready longest, and ends the
// records in it whose time is over. limiterErr is why the batch has no permit and
// must fail.
func (e *Engine) seal(now instant, limiterErr error) (*Batch, []done) {
	l := e.ready.first
	if l == nil || e.killed {
		return nil, nil
	}
	l.comeBack(now)
	b := &Batch{Tenant: l.tenant, Reason: l.ready, envelope: &e.cfg.Envelope, limiterErr: limiterErr}
	var over []*Record
	if l.nextPiece() != nil {
		b.boarded = true
		b.piece, b.Bytes, over = l.sealPiece(now)
		b.Records, b.Reason, b.Sealed = b.piece.records, Split, b.piece.sealed
	} else {
		if l.queue.len() > 0 {
			b.Records, b.Bytes, b.sheet = l.sealSheet()
		}
		if b.sheet == nil {
			b.Records, b.Bytes, over = l.seal(now)
			b.sheet, b.boarded = sheetOf(b.Records), true
		}
		if len(b.Records) == l.portion.records {
			b.Reason = Full // perhaps only since it became ready
		}
	}
	if e.cfg.Resend && b.Sealed == nil {
		b.Sealed = new(Sealed)
		if b.piece != nil {
			b.piece.sealed = b.Sealed
		}
	}
	var ends []done
	for _, r := range over {
		ends = append(ends, done{r, r.end(r.overCause())})
		e.settle(r)
	}
	if len(b.Records) > 0 {
		b.Flight = &Flight{Size: len(b.Records), start: now}
		if b.boarded {
			b.fly()
		}
		e.flights[b] = struct{}{}
		e.counts.sealed(b)
	}

	// The lane goes to the end of the line, if it is still ready.
	l.moveTo(nil)
	l.ready = NotReady
	e.update(l, now)
	if len(b.Records) == 0 {
		return nil, ends
	}
	return b, ends
}

// fly tells the records of b that they do.
func (b *Batch) fly() {
	for _, r := range b.Records {
		r.fly(b.Flight)
	}
}

// board does the same if that has not been done, because now somebody has to know.
func (b *Batch) board() {
	if !b.boarded {
		b.boarded = true
		b.fly()
	}
}
