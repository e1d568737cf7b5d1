package lambdabatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/internal/decode"
	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// Invoker is what a [Batcher] needs of the SDK's Lambda client: a
// [*lambda.Client] is one. It must be safe for concurrent use. It may keep the payload
// that it is given, and must not change it.
type Invoker interface {
	Invoke(ctx context.Context, in *lambda.InvokeInput, optFns ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Batcher sends records of type In to a Lambda function, many in one
// invocation, and gives each its own outcome, a value of type Out or an error.
//
// Do is for one record, Submit for many at a time without goroutines, and Map
// for a sequence. All methods may be called concurrently. A Batcher must be made
// by [New] and closed by Close or Shutdown; at rest it holds no goroutine.
type Batcher[In, Out any] struct {
	*core
	desks sync.Pool // of *desk[Out]
}

// core is what a Batcher is whatever its types are.
type core struct {
	config  *config
	engine  *engine.Engine
	decoder any // the *decode.Decoder[Out] of the Batcher's Out
	hooks   allHooks
	tells   bool // of each outcome, to a hook
}

// New makes a Batcher that invokes function, given by its name, name:alias,
// partial ARN or ARN. In is sent as encoding/json encodes it, and Out is read as
// encoding/json decodes it; a [encoding/json.RawMessage] goes as it is. The
// function must speak the format that the package documentation describes, or
// another one that [WithFormat] sets.
//
// The SDK's own retries are switched off for the Batcher's calls, so that each
// attempt has a permit. New makes no call. Its error tells of every argument and
// option that cannot be.
func New[In, Out any](client Invoker, function string, opts ...Option) (*Batcher[In, Out], error) {
	c, err := newConfig(function, opts)
	if isNil(client) {
		err = errors.Join(errors.New("lambdabatch: client: must not be nil"), err)
	}
	if err != nil {
		return nil, err
	}
	if c.limiter == nil {
		if c.limiter, err = NewLimiter(); err != nil {
			return nil, err
		}
	}
	hooks := allHooks(append(c.hooks, logHooks(c.logger)))
	inv := newInvocation(client, c, hooks)
	return &Batcher[In, Out]{core: &core{
		config:  c,
		decoder: decode.New[Out](),
		hooks:   hooks,
		tells:   hooks.awaitResolved(),
		engine: engine.New(engine.Config{
			MaxRecords:         c.maxRecords,
			MaxBytes:           *c.maxBytes,
			Envelope:           c.envelope,
			Linger:             c.linger,
			MaxBufferedRecords: c.maxBuffered,
			MaxBufferedBytes:   c.maxBufferedBytes,
			FailFast:           c.failFast,
			MaxAttempts:        c.maxAttempts,
			RetryUncertain:     c.retryUncertain,
			DeliveryTimeout:    c.deliveryTimeout,
			InvocationTimeout:  c.invocationTimeout,
			KeepContexts:       c.deadLetter != nil,
			Backoff:            c.backoff,
			Acquire:            inv.acquire,
			Release:            inv.release,
			Send:               inv.send,
			Refused:            inv.refused,
			OnRetry:            inv.retried,
			OnPanic:            inv.panicked,
			Panicked:           newPanicError,
			RetryBudget:        c.retryBudget,
			RetryRatio:         c.retryRatio,
			RetryReserve:       c.retryReserve,
			Resend:             c.durable,
		}),
	}}, nil
}

// Do sends one record, together with those that others submit at the same time,
// and waits for its outcome. When ctx ends the record leaves: it is not
// sent, or if it is in flight already its outcome is not waited for; the error
// then wraps ctx.Err(), and [CertaintyOf] tells which. It never blocks others.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In, opts ...RecordOption) (Out, error) {
	f := b.Submit(ctx, in, opts...)
	<-f.Done() // ctx is the record's, too, and ends both
	return f.out, f.err
}

// Submit hands one record over and returns its future. The value is encoded at
// once and may be changed afterwards. Submit waits while the buffer is full,
// see [WithMaxBuffered]; apart from that it does not block.
//
// ctx is the record's for all of its way, not only for the call: when it ends,
// the record leaves wherever it is. Give [context.Background] to a record that
// must outlive the request it came with.
//
// Every failure arrives by the future: a value that cannot be encoded, a
// closed Batcher, and all that can happen later. See the package documentation
// for the errors.
func (b *Batcher[In, Out]) Submit(ctx context.Context, in In, opts ...RecordOption) *Future[Out] {
	d, ok := b.desks.Get().(*desk[Out])
	if !ok {
		d = new(desk[Out])
	}
	f := d.future(b.core)
	err := applyRecordOptions(&f.record, opts)
	if err == nil {
		if raw, ok := any(&in).(*json.RawMessage); ok && *raw != nil {
			err = b.config.enclose(&f.record, *raw, &d.pen)
		} else {
			v := in // what encoding/json is given goes to the heap
			err = b.config.encode(&f.record, &v, &d.pen)
		}
	}
	if err == nil {
		b.engine.Submit(ctx, &f.record)
	} else {
		b.engine.Refuse(&f.record, err)
	}
	b.desks.Put(d) // and with it the memory that the entry was lent
	return f
}

func applyRecordOptions(r *engine.Record, opts []RecordOption) error {
	for _, o := range opts {
		if o == nil {
			continue
		}
		if err := o.applyRecord(r); err != nil {
			return &encodeError{err}
		}
	}
	return nil
}

// Map submits the values of in and yields their outcomes in the same order. No
// more are under way at a time than the buffer may hold ([WithMaxBuffered]): then
// Map waits for the first before it takes another value from in. The last values
// linger like any others.
//
// in is run by the goroutine that ranges over Map. While in waits for its next
// value nothing is yielded; for a source that is slower than the function, use
// Submit. When the loop ends early, or ctx ends, records that are still to be
// sent are not sent, and in is not asked for more.
func (b *Batcher[In, Out]) Map(ctx context.Context, in iter.Seq[In]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		ctx, leave := context.WithCancel(ctx)
		defer leave()

		var ahead []*Future[Out]
		next := func() bool {
			f := ahead[0]
			ahead[0], ahead = nil, ahead[1:]
			<-f.Done()
			return yield(f.out, f.err)
		}
		for v := range in {
			ahead = append(ahead, b.Submit(ctx, v))
			if ctx.Err() != nil {
				break
			}
			for len(ahead) > 0 && (len(ahead) >= b.config.maxBuffered || ahead[0].resolved()) {
				if !next() {
					return
				}
			}
		}
		for len(ahead) > 0 {
			if !next() {
				return
			}
		}
	}
}

// Flush sends the records that are waiting, without lingering, and waits until
// all records submitted before have their outcome, or ctx ends: then its error
// wraps ctx.Err(), and the records go their way. Retries belong to it: the wait
// can be long. Records whose Submit still waits for room are not submitted yet.
func (b *Batcher[In, Out]) Flush(ctx context.Context) error {
	if err := b.engine.Flush(ctx); err != nil {
		return fmt.Errorf("lambdabatch: Flush: %w", err)
	}
	return nil
}

// Shutdown takes no more records, sends those that are waiting without
// lingering, and returns when all have their outcome and nothing of the Batcher
// runs any more. If ctx ends before, records that are left end with [ErrClosed]
// at once and invocations under way are given up; Shutdown then returns an error
// that wraps ctx.Err(). Every future is done when Shutdown returns.
func (b *Batcher[In, Out]) Shutdown(ctx context.Context) error {
	if err := b.engine.Shutdown(ctx); err != nil {
		return fmt.Errorf("lambdabatch: Shutdown: %w", err)
	}
	return nil
}

// Close is [Batcher.Shutdown] without a deadline: it loses no record, and can
// take as long as the records' retries do; and as long as an invocation that
// is under way, see [WithInvocationTimeout], even if its records have left it. Its error is always nil.
func (b *Batcher[In, Out]) Close() error {
	return b.Shutdown(context.Background())
}

// resolved tells the hooks of a record's outcome.
func (c *core) resolved(r *engine.Record, err error) error {
	if !c.tells {
		return err
	}
	panicked := guard("a hook", func() {
		c.hooks.resolved(ResolvedEvent{Function: c.config.function, Tenant: r.Tenant(), ID: r.ID, Attempts: r.AttemptCount(), Err: err})
	})
	if panicked == nil {
		return err
	}
	return &InvokeError{Function: c.config.function, Certainty: CertaintyOf(err), Err: errors.Join(err, panicked)}
}
