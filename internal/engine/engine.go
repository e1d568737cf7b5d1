package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// Engine gathers records into batches and brings each to its outcome. Its
// methods may be called concurrently.
type Engine struct {
	cfg    Config
	clock  clock
	limits limits
	stop   context.Context // ended when everything has to end at once
	cancel context.CancelFunc

	mu      sync.Mutex // protects all that follows
	seq     uint64
	flushed uint64 // Flush asked for all records up to this one
	lanes   map[string]*lane
	ready   laneList // lanes that are ready, in the order in which they became so
	idle    laneList // other lanes that hold a record
	buffer  buffer
	flights map[*Batch]struct{}
	orders  map[orderKey]*order // of keys that have a record
	closing bool                // nothing is taken in any more
	killed  bool                // nothing is sent any more

	asking    bool // one goroutine is waiting for a permit, or about to
	ask       context.Context
	cancelAsk context.CancelFunc
	starting  *pilot // by whoever has the lock, when they let go of it
	running   int    // goroutines

	gens       []*generation   // with unfinished records, oldest first; the last is current
	unfinished int             // records whose owner is not done with them
	untold     int             // those of them that are settled, and still in the buffer
	telling    []chan struct{} // closed when there is none
	unburied   []*Record       // those of them that are to be buried
	buriers    int             // goroutines that see to that
	drained    []chan struct{} // closed when the Engine is empty
	budget     *budget
	counts     Counts
}

// New makes an Engine.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg:   cfg,
		clock: clock{time.Now()},
		limits: limits{
			records: cfg.MaxRecords, bytes: cfg.MaxBytes, envelope: cfg.Envelope, linger: cfg.Linger,
		},
		lanes:   make(map[string]*lane),
		flights: make(map[*Batch]struct{}),
		orders:  make(map[orderKey]*order),
		buffer:  buffer{maxRecords: cfg.MaxBufferedRecords, maxBytes: cfg.MaxBufferedBytes},
		gens:    []*generation{newGeneration()},
	}
	if cfg.RetryBudget {
		e.budget = newBudget(cfg.RetryRatio, cfg.RetryReserve)
	}
	e.stop, e.cancel = context.WithCancel(context.Background())
	return e
}

// Submit takes r in, and returns when it is in the buffer or settled. The
// record's way ends early with ctx.
func (e *Engine) Submit(ctx context.Context, r *Record) {
	r.arrived = e.clock.now()
	if e.cfg.DeliveryTimeout > 0 {
		callers, ok := ctx.Deadline()
		r.timed = !ok || e.clock.at(callers) > r.arrived.add(e.cfg.DeliveryTimeout)
		ctx, r.extra().release = context.WithTimeoutCause(ctx, e.cfg.DeliveryTimeout, ErrDeliveryTimeout)
	}
	if ctx.Done() != nil || e.cfg.KeepContexts {
		r.extra().ctx = ctx
	}
	switch {
	case ctx.Done() == nil:
	case ctx.Err() != nil:
		r.state = doomed
	default:
		e.watch(r)
	}

	e.mu.Lock()
	var refusal error
	switch {
	case r.state == doomed:
		refusal = &Ended{Cause: contextError(ctx), Certainty: fault.NotExecuted}
	case e.closing:
		refusal = ErrClosed
	case e.tooLarge(r) != nil:
		refusal = e.tooLarge(r)
	case e.buffer.fits(r):
		e.admit(r, r.arrived)
	case e.cfg.FailFast:
		refusal = ErrBufferFull
		e.buffer.refused = true
		e.press()
	default:
		wait := e.buffer.wait(r)
		e.press()
		e.unlock()
		<-wait
		return
	}
	if refusal != nil {
		e.refuse(r)
	}
	e.unlock()
	if refusal != nil {
		e.finish(done{r, Outcome{Err: refusal}})
	}
}

// tooLarge is the error of a record that fits into no batch, or into no buffer.
func (e *Engine) tooLarge(r *Record) error {
	if alone := e.limits.overhead() + e.limits.size(r); alone > e.limits.bytes {
		return fmt.Errorf("%w: alone it makes a payload of %d bytes, the limit is %d bytes", ErrRecordTooLarge, alone, e.limits.bytes)
	}
	if len(r.Entry) > e.buffer.maxBytes {
		return fmt.Errorf("%w: it has %d bytes, the buffer holds %d bytes", ErrRecordTooLarge, len(r.Entry), e.buffer.maxBytes)
	}
	return nil
}

// Refuse settles a record that cannot be submitted at all.
func (e *Engine) Refuse(r *Record, err error) {
	e.mu.Lock()
	e.refuse(r)
	e.unlock()
	e.finish(done{r, Outcome{Err: err}})
}

// Age is how long ago r was submitted.
func (e *Engine) Age(r *Record) time.Duration { return e.clock.now().sub(r.arrived) }

// watch makes r leave when its context ends, and hurry when that will be soon:
// half of the time it has is for waiting, the other half for the invocation.
func (e *Engine) watch(r *Record) {
	more := r.extra()
	if deadline, ok := more.ctx.Deadline(); ok {
		more.overAt = e.clock.at(deadline)
		half := r.arrived.add(more.overAt.sub(r.arrived) / 2)
		if half < r.pressAt(e.cfg.Linger) {
			more.pressAt, r.hurried = half, true
		}
	}
	unwatch, cancel := context.AfterFunc(more.ctx, func() { e.abandon(r) }), more.release
	more.release = func() {
		unwatch()
		if cancel != nil {
			cancel()
		}
	}
}

// refuse settles a record that was never taken in.
func (e *Engine) refuse(r *Record) {
	r.state = settled
	e.unfinished++
	e.counts.Submitted++
}

// admit puts r into its lane. There must be room for it.
func (e *Engine) admit(r *Record, now instant) {
	e.seq++
	r.seq = e.seq
	e.buffer.take(r)
	e.counts.Submitted++
	e.gens[len(e.gens)-1].unfinished++
	e.unfinished++
	if l := e.lane(r.Tenant()); e.enter(l, r) {
		e.added(l, r, now)
	}
	if e.buffer.full() {
		e.press()
	}
}

// added looks whether r, which l has just been given, makes it ready.
func (e *Engine) added(l *lane, r *Record, now instant) {
	switch {
	case l.ready != NotReady:
	case l.live == 1 || l.full() != NotReady || l.pressAt(r) < l.wakeAt:
		e.update(l, now)
	}
}

func (e *Engine) lane(tenant string) *lane {
	l, ok := e.lanes[tenant]
	if !ok {
		l = newLane(tenant, e.limits)
		l.flushSeq = e.flushed
		e.lanes[tenant] = l
	}
	return l
}

// abandon settles a record whose context has ended, wherever it is.
func (e *Engine) abandon(r *Record) {
	e.mu.Lock()
	var outcome Outcome
	switch r.state {
	case created:
		r.state = doomed // its Submit is about to see that
		e.unlock()
		return
	case doomed, settled:
		e.unlock()
		return
	case roomless:
		e.buffer.line.Remove(r.more.place)
		e.refuse(r)
		close(r.more.room)
		outcome = r.end(contextError(r.more.ctx))
	case queued, delayed, split:
		outcome = r.end(contextError(r.more.ctx))
		l := e.lane(r.Tenant())
		l.leave(r)
		e.settle(r)
		e.update(l, e.clock.now())
	case flying, held:
		outcome = r.end(contextError(r.more.ctx))
		e.settle(r)
	}
	e.letIn()
	e.unlock()
	e.finish(done{r, outcome})
}

// end is the outcome of a record that ends for cause before an answer has
// decided it.
func (r *Record) end(cause error) Outcome {
	last := r.lastError()
	if r.state == flying {
		if earlier := r.earlier(); len(earlier) > 0 {
			last = earlier[len(earlier)-1].Err
		}
		// Its flight goes on without it, and will write there what came of it.
		flight := *r.flight
		r.flight = &flight
		r.land(fault.MaybeExecuted, cause)
	}
	certainty := fault.NotExecuted
	if r.AttemptCount() > 0 {
		certainty = r.certainty
	}
	return Outcome{Err: &Ended{Cause: cause, Attempts: r.AttemptCount(), Certainty: certainty, Last: last}}
}

// settle ends r's way: its outcome is decided. The caller finishes it when it has
// let go of the lock.
func (e *Engine) settle(r *Record) {
	r.state = settled
	e.untold++
	e.succeed(r)
}

// letIn admits those who wait for room, in their order.
func (e *Engine) letIn() {
	if e.buffer.line.Len() == 0 {
		return
	}
	now := e.clock.now()
	for r := e.buffer.next(); r != nil; r = e.buffer.next() {
		e.admit(r, now)
		close(r.more.room)
	}
}

// update brings a lane's readiness and timer up to date.
func (e *Engine) update(l *lane, now instant) {
	reason, again := l.readiness(now)
	if reason == NotReady && l.live > 0 {
		reason = e.stuck()
	}
	list := &e.idle
	switch {
	case reason != NotReady:
		list = &e.ready
	case l.live == 0:
		list = nil
	}
	l.moveTo(list)
	l.ready = reason
	if reason != NotReady {
		// What returns meanwhile is found when the lane is sealed.
		again = 0
	}
	e.wake(l, again, now)
	if l.empty() && l.tenant != "" {
		delete(e.lanes, l.tenant)
	}
	e.askPermit()
}

// stuck tells why no lane gains anything by waiting for company: nothing more
// is let in, be it for good or because lanes alone hold all the room there is.
func (e *Engine) stuck() Reason {
	switch {
	case e.closing:
		return Close
	case (e.buffer.full() || e.buffer.refused) && len(e.flights) == 0:
		return Full
	default:
		return NotReady
	}
}

// press makes all lanes ready that hold a record, when waiting is of no use.
func (e *Engine) press() {
	if e.stuck() == NotReady {
		return
	}
	now := e.clock.now()
	for e.idle.first != nil {
		e.update(e.idle.first, now)
	}
}

// wake sets l's timer to at, or stops it when at is zero.
func (e *Engine) wake(l *lane, at, now instant) {
	if at == l.wakeAt {
		return
	}
	l.wakeAt = at
	switch {
	case at == 0:
		l.timer.Stop()
	case l.timer == nil:
		l.timer = time.AfterFunc(at.sub(now), func() { e.woken(l) })
	default:
		l.timer.Reset(at.sub(now))
	}
}

func (e *Engine) woken(l *lane) {
	e.mu.Lock()
	defer e.unlock()
	now := e.clock.now()
	if l.wakeAt == 0 || now < l.wakeAt {
		return // stopped or set anew while this was on its way
	}
	l.wakeAt = 0
	e.update(l, now)
}
