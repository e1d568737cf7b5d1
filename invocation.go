package lambdabatch

import (
	"context"
	"errors"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// invocation is how the engine's batches become calls of the SDK, and the
// answers outcomes of records.
type invocation struct {
	*config
	client Invoker
	hooks  allHooks
}

func newInvocation(client Invoker, c *config, hooks allHooks) *invocation {
	return &invocation{config: c, client: client, hooks: hooks}
}

// acquire waits for the limiter's permit.
func (v *invocation) acquire(ctx context.Context) (engine.Permit, error) {
	release, err := v.limiter.Acquire(ctx, v.function)
	if err != nil {
		return nil, err
	}
	if release == nil {
		return nil, errors.New("lambdabatch: the Limiter's Acquire returned neither a release function nor an error")
	}
	return release, nil
}

// release gives the permit back.
func (v *invocation) release(permit engine.Permit, a *engine.Answer) {
	permit.(func(Feedback))(feedback(a))
}

// feedback is what an answer means to the limiter.
func feedback(a *engine.Answer) Feedback {
	switch {
	case a == nil || a.Unsent:
		return Feedback{Use: NotUsed}
	case a.Err == nil || a.Stopped || isA[*FunctionError](a.Err):
		return Feedback{Use: Succeeded}
	case a.Fault.Class == fault.Throttled || a.Fault.Status == 429:
		return Feedback{Use: Throttled, Reason: a.Fault.Reason, RetryAfter: a.Fault.RetryAfter}
	case a.Fault.Status == 0 || a.Fault.Status >= 500:
		return Feedback{Use: Failed}
	default:
		return Feedback{Use: Succeeded}
	}
}

// refused is the error of records for which the limiter gave no permit.
func (v *invocation) refused(err error) error {
	return &InvokeError{Function: v.function, Certainty: NotExecuted, Err: err}
}

// send makes one invocation. It writes the answer when all is done: until then anything
// may end the goroutine.
func (v *invocation) send(ctx context.Context, b *engine.Batch, answer *engine.Answer) {
	c := &call{invocation: v, batch: b}
	if err := guard("a hook", func() { ctx = c.starting(ctx) }); err != nil {
		c.broken(err, fault.Fault{Certainty: fault.NotExecuted})
		c.answer.Unsent = true
		*answer = c.answer
		return
	}
	start := time.Now()
	c.invoke(ctx)
	e := &c.event
	e.Function, e.Tenant, e.Records, e.Bytes = v.function, b.Tenant, len(b.Records), b.Bytes
	e.RequestID, e.Duration, e.Err = c.answer.RequestID, time.Since(start), c.answer.Err
	e.Certainty = Certainty(c.answer.Fault.Certainty)
	if err := guard("a hook", func() { v.hooks.invoked(ctx, e) }); err != nil {
		c.broken(errors.Join(c.answer.Err, err), c.answer.Fault)
	}
	*answer = c.answer
}

func (v *invocation) retried(r *engine.Record, b *engine.Batch, delay time.Duration, err error) {
	v.hooks.retried(RetriedEvent{Function: v.function, Tenant: b.Tenant, ID: r.ID, Delay: delay, Err: err})
}
