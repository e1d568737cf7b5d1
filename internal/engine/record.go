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

// Record is one record on its way. The exported fields are set before Submit
// and not changed after; the rest belongs to the Engine.
type Record struct {
	ID       string
	CallerID bool   // ID is the caller's, and may so be given twice
	Tenant   string // names the lane
	Entry    []byte // the record as it stands in a payload
	Data     []byte // what it was made of, if that is still needed
	Owner    Owner

	ctx     context.Context
	release func() // gives back what ctx holds
	arrived time.Time
	pressAt time.Time // the record should not wait for company beyond this
	hurried bool      // pressAt comes from ctx's deadline, not from the linger
	seq     uint64    // order of arrival
	state   state
	room    chan struct{} // state roomless: closed when its Submit may go on
	place   *list.Element // state roomless: in the line
	gen     *generation
	dueAt   time.Time // state delayed: when the record returns to its lane
	overAt  time.Time // its time is over then; zero is never
	timed   bool      // overAt comes of the delivery timeout
	piece   *piece    // of a batch that is not sealed anew
	told    bool      // its owner knows its outcome
	aboard  bool      // a flight still has it, perhaps one that it has left early

	// Of its attempts. While the record flies, its flight alone touches tries,
	// onceUsed and backoff.
	flight    *Flight // of the last attempt
	outcome   attemptOutcome
	earlier   []Attempt // those before the last
	tries     int       // attempts but throttled ones
	onceUsed  bool
	certainty fault.Certainty // of all failed attempts together
	backoff   backoff.BackOff
}

// attemptOutcome is what came of a record's last attempt.
type attemptOutcome struct {
	certainty fault.Certainty
	err       error
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
	flying         // in a batch
	settled        // its outcome is decided
)

// over tells whether r's time is over. Its context may not know yet.
func (r *Record) over(now time.Time) bool {
	return r.release != nil && (r.ctx.Err() != nil || !r.overAt.IsZero() && !now.Before(r.overAt))
}

// overCause is why r's time is over.
func (r *Record) overCause() error {
	switch {
	case r.ctx.Err() != nil:
		return contextError(r.ctx)
	case r.timed:
		return ErrDeliveryTimeout
	default:
		return fmt.Errorf("lambdabatch: the record's context ended: %w", context.DeadlineExceeded)
	}
}

// TakenIn reports whether r was ever in the buffer.
func (r *Record) TakenIn() bool { return r.seq > 0 }

// Context is the record's own. It may be called by the owner while the record is
// resolved.
func (r *Record) Context() context.Context { return r.ctx }

// Submitted is when r came.
func (r *Record) Submitted() time.Time { return r.arrived }

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
	Start     time.Time
	Duration  time.Duration
}

// Attempts are the record's attempts, in order. It may be called once the
// record is settled.
func (r *Record) Attempts() []Attempt {
	if r.flight == nil {
		return nil
	}
	return append(slices.Clip(r.earlier), r.LastAttempt())
}

// AttemptCount is how many invocations have carried r. Like Attempts it may be
// called once the record is settled.
func (r *Record) AttemptCount() int {
	if r.flight == nil {
		return 0
	}
	return len(r.earlier) + 1
}

// LastAttempt is the last of the attempts, of which there must be one.
func (r *Record) LastAttempt() Attempt {
	return Attempt{
		RequestID: r.flight.RequestID,
		BatchSize: r.flight.Size,
		Wait:      r.flight.Start.Sub(r.arrived),
		Duration:  r.flight.Duration,
		Certainty: r.outcome.certainty,
		Err:       r.outcome.err,
	}
}

// fly notes that r's next attempt is f.
func (r *Record) fly(f *Flight) {
	if r.flight != nil {
		r.earlier = append(r.earlier, r.LastAttempt())
	}
	r.state, r.aboard, r.flight, r.outcome = flying, true, f, attemptOutcome{}
}

// SetLastError notes that the answer of the last attempt was of no use after all.
// It may be called by the owner while the record is resolved.
func (r *Record) SetLastError(err error) {
	if r.flight != nil {
		r.outcome.err = err
	}
}

// letGo drops what is not needed any more once the outcome is there: all but what
// Attempts tells. A record that a flight still has waits for its landing.
func (r *Record) letGo() {
	if r.state == settled && !r.aboard {
		r.Entry, r.Data, r.ctx, r.release, r.backoff, r.gen, r.piece = nil, nil, nil, nil, nil, nil, nil
	}
}

// land notes what came of r's attempt.
func (r *Record) land(certainty fault.Certainty, err error) {
	r.outcome = attemptOutcome{certainty, err}
	if len(r.earlier) == 0 {
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
