package engine

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// Owner is told what became of a record, without any lock held.
type Owner interface {
	// Resolve is called exactly once.
	Resolve(Outcome)
	// Verdict is what the owner has made of that.
	Verdict() Verdict
	// Bury is called once if the Verdict is Unburied, and may take its time. The Verdict
	// is Failed then.
	Bury()
}

// Verdict is the end of a record in its owner's eyes.
type Verdict uint8

// The verdicts.
const (
	Succeeded Verdict = iota
	Failed
	Unburied // it has failed, and its owner is not done with it
)

// Outcome is what became of one record: the data of its result, or an error.
type Outcome struct {
	Data []byte
	Err  error
}

// Record is one record on its way. It is set up before Submit and not changed after;
// the Engine does the rest. As there are many of them it is small: what only some
// need is in baggage.
type Record struct {
	Owner Owner
	ID    string
	Entry []byte // the record as it stands in a payload

	sheet   *sheet  // that Entry was written on, until the first attempt
	seq     uint64  // order of arrival; 0 if it was never taken in
	arrived instant // at Submit
	flight  *Flight // of the last attempt
	more    *baggage

	// While the record flies, its flight alone touches tries and onceUsed.
	CallerID  bool            // ID is the caller's, and may so be given twice
	Lent      bool            // Entry is small, and may be overwritten when Submit has returned
	tries     int32           // attempts but throttled ones
	state     state           // where it is
	last      fault.Certainty // of the last attempt
	certainty fault.Certainty // of all failed attempts together
	onceUsed  bool
	hurried   bool // it presses before its linger is over, because of ctx's deadline
	timed     bool // its time ends by the delivery timeout
	leads     bool // others of its key wait for it
	told      bool // its owner knows its outcome
	aboard    bool // a flight still has it, perhaps one that it has left early
}

// baggage is what a record needs that has a tenant, a key or an end of its own, or does
// not arrive at the first attempt.
type baggage struct {
	tenant, key string
	data        []byte // what the entry was made of

	ctx     context.Context // nil if it cannot end
	release func()          // gives back what ctx holds
	pressAt instant         // it should not wait for company beyond this, if it is hurried
	overAt  instant         // its time is over then; 0 is never

	room  chan struct{} // state roomless: closed when its Submit may go on
	place *list.Element // state roomless: in the line

	dueAt   instant   // state delayed: when it returns to its lane
	piece   *piece    // of a batch that is not sealed anew
	err     error     // of the last attempt
	earlier []Attempt // those before it
	backoff backoff.BackOff
}

// extra is r's baggage, to put something into.
func (r *Record) extra() *baggage {
	if r.more == nil {
		r.more = new(baggage)
	}
	return r.more
}

// SetTenant gives r a tenant, which names its lane.
func (r *Record) SetTenant(tenant string) { r.extra().tenant = tenant }

// SetKey gives r a key: of the records with the same one, one is under way at a time.
func (r *Record) SetKey(key string) { r.extra().key = key }

// SetData notes what r's Entry was made of.
func (r *Record) SetData(data []byte) { r.extra().data = data }

// Tenant is r's; empty for none.
func (r *Record) Tenant() string {
	if r.more == nil {
		return ""
	}
	return r.more.tenant
}

// Key is r's; empty for none.
func (r *Record) Key() string {
	if r.more == nil {
		return ""
	}
	return r.more.key
}

// Data is what r's Entry was made of, if that was noted.
func (r *Record) Data() []byte {
	if r.more == nil {
		return nil
	}
	return r.more.data
}

func (r *Record) piece() *piece {
	if r.more == nil {
		return nil
	}
	return r.more.piece
}

// earlier are the attempts before the last.
func (r *Record) earlier() []Attempt {
	if r.more == nil {
		return nil
	}
	return r.more.earlier
}

// pressAt is when r should not wait for company any longer.
func (r *Record) pressAt(linger time.Duration) instant {
	if r.hurried {
		return r.more.pressAt
	}
	return r.arrived.add(linger)
}

// state is where a record is.
type state uint8

const (
	created  state = iota
	doomed         // its context ended before it was taken in
	roomless       // waits for room in the buffer
	queued         // in its lane
	delayed        // in its lane, waiting for the time of its retry
	split          // in a piece, waiting for its turn
	held           // waits for another of its key
	flying         // in a batch
	settled        // its outcome is decided
)

// over tells whether r's time is over. Its context may not know yet.
func (r *Record) over(now instant) bool {
	if r.more == nil || r.more.release == nil {
		return false
	}
	return r.more.ctx.Err() != nil || r.more.overAt != 0 && now >= r.more.overAt
}

// overCause is why r's time is over.
func (r *Record) overCause() error {
	switch {
	case r.more.ctx.Err() != nil:
		return contextError(r.more.ctx)
	case r.timed:
		return ErrDeliveryTimeout
	default:
		return fmt.Errorf("lambdabatch: the record's context ended: %w", context.DeadlineExceeded)
	}
}

// TakenIn reports whether r was ever in the buffer.
func (r *Record) TakenIn() bool { return r.seq > 0 }

// Context is the record's own, if the Engine keeps them. It may be called by the owner
// while the record is resolved.
func (r *Record) Context() context.Context {
	if r.more == nil || r.more.ctx == nil {
		return context.Background()
	}
	return r.more.ctx
}

// Attempt is one invocation that carried a record.
type Attempt struct {
	RequestID string
	BatchSize int
	Wait      time.Duration // from Submit to the start of the invocation
	Duration  time.Duration
	Certainty fault.Certainty
	Err       error
}

// Flight is what the records of a batch share of their invocation.
type Flight struct {
	RequestID string
	Size      int
	Duration  time.Duration

	start instant
}

// Attempts are the record's attempts, in order. It may be called once the
// record is settled.
func (r *Record) Attempts() []Attempt {
	if r.flight == nil {
		return nil
	}
	return append(slices.Clip(r.earlier()), r.LastAttempt())
}

// AttemptCount is how many invocations have carried r. Like Attempts it may be
// called once the record is settled.
func (r *Record) AttemptCount() int {
	if r.flight == nil {
		return 0
	}
	return len(r.earlier()) + 1
}

// LastAttempt is the last of the attempts, of which there must be one.
func (r *Record) LastAttempt() Attempt {
	return Attempt{
		RequestID: r.flight.RequestID,
		BatchSize: r.flight.Size,
		Wait:      r.flight.start.sub(r.arrived),
		Duration:  r.flight.Duration,
		Certainty: r.last,
		Err:       r.lastError(),
	}
}

// fly notes that r's next attempt is f.
func (r *Record) fly(f *Flight) {
	if r.flight != nil {
		r.extra().earlier = append(r.extra().earlier, r.LastAttempt())
	}
	r.state, r.aboard, r.flight, r.last, r.sheet = flying, true, f, 0, nil
	r.setError(nil)
}

// lastError is the error of r's last attempt.
func (r *Record) lastError() error {
	if r.more == nil {
		return nil
	}
	return r.more.err
}

func (r *Record) setError(err error) {
	if err != nil || r.more != nil {
		r.extra().err = err
	}
}

// SetLastError notes that the answer of the last attempt was of no use after all.
// It may be called by the owner while the record is resolved.
func (r *Record) SetLastError(err error) {
	if r.flight != nil {
		r.setError(err)
	}
}

// letGo drops what is not needed any more once the outcome is there: all but the ID
// and what Attempts tells. A record that a flight still has waits for its landing.
func (r *Record) letGo() {
	if r.state != settled || r.aboard {
		return
	}
	r.Entry, r.sheet = nil, nil
	if m := r.more; m != nil {
		m.ctx, m.data, m.release, m.room, m.place, m.piece, m.backoff = nil, nil, nil, nil, nil, nil, nil
	}
}

// land notes what came of r's attempt.
func (r *Record) land(certainty fault.Certainty, err error) {
	r.last = certainty
	r.setError(err)
	if len(r.earlier()) == 0 {
		r.certainty = certainty
	} else {
		r.certainty = r.certainty.Or(certainty)
	}
}

// Batch is the records that travel in one invocation.
type Batch struct {
	Records []*Record
	Tenant  string
	Bytes   int // of the payload
	Reason  Reason
	Flight  *Flight
	Sealed  *Sealed // set when each attempt has to send the same bytes

	invoking context.Context // of its invocation
	cancel   context.CancelFunc

	envelope *Envelope
	sheet    *sheet // that is the payload; nil if it has to be written
	boarded  bool   // its records know that they fly

	piece      *piece // nil: the batch was sealed from the lane's queue
	limiterErr error  // the permit was refused with this error
}

// Reason is why a lane was ready.
type Reason uint8

// The reasons for sealing a batch.
const (
	NotReady Reason = iota
	Full            // the lane held a batch's number of records, or the buffer held all it may
	Bytes           // the lane held a batch's number of bytes
	Linger          // its oldest record had waited for the linger
	Deadline        // a record's own deadline pressed
	Flush           // Flush asked for it
	Close           // the Batcher was shutting down
	Split           // it is a part of one that failed, or one that is sent again as it was
)
