package engine

import "github.com/lambdabatch/lambdabatch/internal/fault"

// A batch of which the function failed as a whole is split in two, and so is
// each half that fails, until what fails is a single record: that one is the
// poison, and the others get their results. For n records with one poison this
// takes 1 + 2·log2(n) invocations.
//
// For a function that always fails it would take 2n - 1. So as long as nothing of
// a batch has been answered, no more than trialWidth of its parts are under way,
// and from trialSuspect failures on records are tried alone. When trialEnough of
// them have failed like that, the rest is given up untried; and of the next batch,
// if nothing was answered meanwhile, one record is enough.
const (
	trialWidth   = 2
	trialSuspect = 3
	trialEnough  = 8
)

// piece is records that travel in a batch of their own.
type piece struct {
	records []*Record // some may have left
	live    int       // those that have not
	trial   *trial    // what the piece is a part of; nil if it just must not be sealed anew
	sealed  *Sealed
	out     bool // on its way: in the lane, delayed, or in flight
}

// Sealed is what is kept of a batch that has to be sent in the same bytes again. An
// attempt that finds it empty fills it in.
type Sealed struct {
	Name    string
	Payload []byte
	begun   bool // an attempt may have been executed
}

// landed takes in what is known of an attempt. As long as none may have been executed,
// the next need not have the same bytes, and must not have records that have left.
func (s *Sealed) landed(certainty fault.Certainty) {
	if certainty != fault.NotExecuted {
		s.begun = true
	}
	if !s.begun {
		s.Payload = nil
	}
}

// newPiece makes a piece of records that are to wait for their turn.
func newPiece(records []*Record, t *trial) *piece {
	p := &piece{records: records, live: len(records), trial: t}
	for _, r := range records {
		r.extra().piece = p
	}
	return p
}

// first takes the first record out of the piece and makes one of its own of it.
func (p *piece) first() *piece {
	for p.records[0].state == settled {
		p.records = p.records[1:]
	}
	alone := newPiece(p.records[:1:1], p.trial)
	p.records = p.records[1:]
	p.live--
	return alone
}

// trial is a batch that failed as a whole, on its way to find out which of its
// records did it.
type trial struct {
	lane      *lane
	timedOut  bool     // the function ran into its timeout
	succeeded bool     // a part of it was answered
	failed    int      // invocations that failed as a whole
	alone     int      // those of them that carried a single record
	out       int      // pieces on their way
	rest      []*piece // those that wait for what others tell
}

// newTrial begins with a batch of l that has failed.
func newTrial(l *lane) *trial {
	t := &trial{lane: l, failed: 1}
	if l.failing {
		// Nothing has succeeded since the last one was given up: one try is enough.
		t.failed, t.alone = trialSuspect, trialEnough-1
	}
	if l.trials == nil {
		l.trials = make(map[*trial]struct{})
	}
	l.trials[t] = struct{}{}
	return t
}

// split adds both halves of records that failed together.
func (t *trial) split(records []*Record) {
	if len(records) == 0 {
		return
	}
	for _, r := range records {
		r.state = split
	}
	t.lane.split += len(records)
	half := (len(records) + 1) / 2
	t.rest = append(t.rest, newPiece(records[:half:half], t))
	if half < len(records) {
		t.rest = append(t.rest, newPiece(records[half:], t))
	}
}

// suspects tells whether it looks as if the function failed whatever it is given.
func (t *trial) suspects() bool { return !t.succeeded && t.failed >= trialSuspect }

// mayGoOn tells whether one more piece may be under way.
func (t *trial) mayGoOn() bool {
	switch {
	case t.succeeded:
		return true
	case t.suspects() && t.alone+t.out >= trialEnough:
		return false // those that are under way may tell enough
	default:
		return t.out < trialWidth
	}
}

// advance sends on what need not wait. It returns the records that are
// to be given up.
func (t *trial) advance() (hopeless []*Record) {
	l := t.lane
	if !t.succeeded && t.alone >= trialEnough && len(t.rest) > 0 {
		l.failing = true
		for _, p := range t.rest {
			for _, r := range p.records {
				if r.state == split {
					hopeless = append(hopeless, r)
				}
			}
		}
		l.split -= len(hopeless)
		t.rest = nil
	}
	for len(t.rest) > 0 && t.mayGoOn() {
		p := t.rest[0]
		t.rest = t.rest[1:]
		if p.live == 0 {
			continue
		}
		if t.suspects() && p.live > 1 {
			alone := p.first()
			t.rest = append(t.rest, p)
			p = alone
		}
		p.out = true
		t.out++
		l.pieces = append(l.pieces, p)
	}
	if t.out == 0 {
		delete(l.trials, t)
	}
	return hopeless
}

// left notes that a record of p has gone before it was sent.
func (p *piece) left() {
	p.live--
	if p.live == 0 && p.out {
		p.landed()
		p.advance()
	}
}

// advance lets the trial go on without p, which has no records any more.
func (p *piece) advance() {
	if p.trial != nil {
		p.trial.advance() // no failure is new: it gives nothing up
	}
}

// landed notes that p is not on its way any more.
func (p *piece) landed() {
	p.out = false
	if p.trial != nil {
		p.trial.out--
	}
}

// landed brings what is left of b back into the lane: the records in again come
// back when their retry is due, and those in apart, which have failed together, find
// out whose fault it is. It returns those for which there is no hope.
func (l *lane) landed(b *Batch, a *Answer, again, apart []*Record) (hopeless []*Record) {
	p := b.piece
	if p == nil && a.Err != nil && b.Sealed != nil && len(again) > 0 {
		p = &piece{sealed: b.Sealed, out: true}
	}
	if p != nil && a.Err != nil && len(again) > 0 {
		// It stays together.
		p.records, p.live = again, len(again)
		for _, r := range again {
			r.extra().piece = p
			l.delay(r)
		}
		return nil
	}
	for _, r := range again {
		r.extra().piece = nil
		l.delay(r)
	}
	var t *trial
	if p != nil {
		p.landed()
		t = p.trial
	}
	if len(apart) > 0 && t == nil {
		t = newTrial(l)
		t.timedOut = a.TimedOut
	} else if t != nil {
		t.learn(b, a)
	}
	if t == nil {
		return nil
	}
	t.split(apart)
	return t.advance()
}

// learn takes in what a part of the batch has shown.
func (t *trial) learn(b *Batch, a *Answer) {
	switch {
	case a.Err == nil:
		t.succeeded = true
	case a.Fault.Class == fault.FunctionFailed || a.Fault.Class == fault.TooLarge:
		t.failed++
		if b.Flight.Size == 1 {
			t.alone++
		}
	}
}
