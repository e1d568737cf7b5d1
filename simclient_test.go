package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch"
)

// simClient is the Invoker of a Batcher: Lambda's client, which the model looks at, and
// which fails in ways of its own.
type simClient struct {
	*simulation
	batcher *simBatcher
}

func (c *simClient) Invoke(ctx context.Context, in *lambda.InvokeInput, opts ...func(*lambda.Options)) (out *lambda.InvokeOutput, err error) {
	call := c.invoke(c.batcher, in)
	defer func() { c.invoked(call, err) }()
	if c.batcher.play(beforeCall) {
		return nil, errLie
	}
	answered, failed := c.client.Invoke(ctx, in, opts...)
	if c.batcher.play(afterCall) {
		return nil, nil
	}
	return answered, failed
}

// simPermits is the limiter that all Batchers share, as one of them sees it.
type simPermits struct {
	*simulation
	batcher *simBatcher
}

func (p *simPermits) Acquire(ctx context.Context, function string) (release func(lambdabatch.Feedback), err error) {
	if p.batcher.play(inAcquire) {
		return nil, errors.New("no permit")
	}
	inner, err := p.shared.Acquire(ctx, function)
	if err != nil {
		assert.ErrorIs(p.t, err, ctx.Err())
		return nil, err
	}
	permit := p.granted(p.batcher)
	time.Sleep(p.batcher.delayed(inAcquire)) // those whom it is for may leave
	return func(f lambdabatch.Feedback) {
		p.released(permit, f)
		inner(f)
		p.batcher.play(inRelease)
	}, nil
}

// watch makes the hooks of a Batcher: the model's, and those of a user.
func (s *simulation) watch(b *simBatcher) lambdabatch.Hooks {
	return lambdabatch.Hooks{
		Sealed: func(e lambdabatch.SealedEvent) { s.sealed(b, e); b.play(inSealed) },
		Invoking: func(ctx context.Context, _ lambdabatch.InvokingEvent) context.Context {
			b.play(inInvoking)
			return ctx
		},
		Invoked:  func(context.Context, lambdabatch.InvokedEvent) { b.play(inInvoked) },
		Retried:  func(lambdabatch.RetriedEvent) { b.play(inRetried) },
		Resolved: func(e lambdabatch.ResolvedEvent) { s.resolved(b, e); b.play(inResolved) },
	}
}

// bury makes the dead letter function of a Batcher.
func (s *simulation) bury(b *simBatcher) func(context.Context, lambdabatch.DeadLetter) error {
	return func(ctx context.Context, letter lambdabatch.DeadLetter) error {
		var o order
		assert.NoError(s.t, json.Unmarshal(letter.Payload, &o))
		r := s.buried(o.Key, letter)
		if r.way != byMap {
			assert.Same(s.t, r, ctx.Value(contextKey{}), "the dead letter's context is the record's")
		}
		assert.NoError(s.t, ctx.Err())
		if b.stuck {
			<-ctx.Done()
		}
		if b.play(inLetter) {
			return errLie
		}
		return nil
	}
}

// simFormat is the format of a Batcher: the default one, and one of a user's.
type simFormat struct {
	lambdabatch.Format
	batcher *simBatcher
}

func (f simFormat) AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error) {
	if f.batcher.play(inAppend) {
		return nil, errLie
	}
	return f.Format.AppendRecord(dst, id, data)
}

func (f simFormat) ReadResponse(payload []byte, results *lambdabatch.Results) error {
	err := f.Format.ReadResponse(payload, results)
	if f.batcher.play(inRead) {
		return errLie
	}
	return err
}
