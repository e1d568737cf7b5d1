package lambdabatch

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/fault"
	"github.com/lambdabatch/lambdabatch/internal/replay"
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

// send makes one invocation.
func (v *invocation) send(ctx context.Context, b *engine.Batch) engine.Answer {
	ctx, cancel := context.WithTimeout(ctx, v.invocationTimeout)
	defer cancel()
	if err := guard("a hook", func() { ctx = v.starting(ctx, b) }); err != nil {
		answer := v.broken(err, fault.Fault{Certainty: fault.NotExecuted})
		answer.Unsent = true
		return answer
	}
	start := time.Now()
	answer, e := v.invoke(ctx, b)
	e.Function, e.Tenant, e.Records, e.Bytes = v.function, b.Tenant, len(b.Records), b.Bytes
	e.RequestID, e.Duration, e.Err = answer.RequestID, time.Since(start), answer.Err
	e.Certainty = Certainty(answer.Fault.Certainty)
	if err := guard("a hook", func() { v.hooks.invoked(ctx, e) }); err != nil {
		return v.broken(errors.Join(answer.Err, err), answer.Fault)
	}
	return answer
}

// broken is the answer of an invocation that code of the user's has spoiled. f is
// what is known of it otherwise.
func (v *invocation) broken(err error, f fault.Fault) engine.Answer {
	f.Class = fault.Permanent
	return engine.Answer{
		Err:       &InvokeError{Function: v.function, RequestID: f.RequestID, Certainty: Certainty(f.Certainty), Err: err},
		RequestID: f.RequestID,
		Fault:     f,
	}
}

func (v *invocation) starting(ctx context.Context, b *engine.Batch) context.Context {
	v.hooks.sealed(SealedEvent{
		Function: v.function, Tenant: b.Tenant, Records: len(b.Records), Bytes: b.Bytes, Reason: SealReason(b.Reason),
	})
	return v.hooks.invoking(ctx, InvokingEvent{
		Function: v.function, Tenant: b.Tenant, Records: len(b.Records), Bytes: b.Bytes,
	})
}

// invoke makes the call and reads the answer.
func (v *invocation) invoke(ctx context.Context, b *engine.Batch) (engine.Answer, InvokedEvent) {
	call := call{in: v.input(b)}
	var out *lambda.InvokeOutput
	var err error
	panicked := guard("the Invoker", func() {
		out, err = v.client.Invoke(ctx, &call.in, call.set)
	})
	switch {
	case panicked != nil:
		return v.broken(panicked, fault.Fault{}), InvokedEvent{}
	case err == nil && out == nil:
		err = errors.New("the Invoker returned neither an output nor an error")
		fallthrough
	case err != nil:
		answer, e := v.failed(fault.Of(ctx, err, &call.trace), err)
		answer.Stopped = answer.Fault.Status == 0 && errors.Is(ctx.Err(), context.Canceled)
		return answer, e
	default:
		return v.answered(b, out)
	}
}

// failed is the answer when Lambda did not carry out the invocation, or nobody
// knows.
func (v *invocation) failed(f fault.Fault, err error) (engine.Answer, InvokedEvent) {
	err = &InvokeError{Function: v.function, RequestID: f.RequestID, Certainty: Certainty(f.Certainty), Err: err}
	return engine.Answer{RequestID: f.RequestID, Err: err, Fault: f, TooMuch: f.Class == fault.TooLarge},
		InvokedEvent{Throttled: f.Class == fault.Throttled, Reason: f.Reason}
}

// answered is the answer when Lambda carried out the invocation.
func (v *invocation) answered(b *engine.Batch, out *lambda.InvokeOutput) (engine.Answer, InvokedEvent) {
	requestID, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	answer := engine.Answer{RequestID: requestID, Fault: fault.Fault{Certainty: fault.Executed, Status: int(out.StatusCode), RequestID: requestID}}
	failed := aws.ToString(out.FunctionError) != ""
	event := InvokedEvent{}
	switch {
	case failed:
	case v.invocationType == types.InvocationTypeEvent:
		failed = disguised(out.Payload)
		answer.Fault.Certainty = fault.MaybeExecuted // it is queued
		answer.Results = make([]engine.Result, len(b.Records))
		event = InvokedEvent{Succeeded: len(b.Records)}
	default:
		var rd reading
		var err error
		if panicked := guard("the Format", func() { rd, err = read(v.format, b, out.Payload, requestID) }); panicked != nil {
			return v.broken(panicked, answer.Fault), event
		}
		failed = err != nil && disguised(out.Payload)
		answer.Results, answer.Lender = rd.results, (*lent)(rd.Results)
		answer.ResponseShare = float64(len(out.Payload)) / maxSyncResponse
		event = InvokedEvent{Succeeded: rd.succeeded, Failed: rd.failed, Retry: rd.retry, Missing: rd.missing, Unmatched: rd.unmatched}
	}
	if failed {
		err := newFunctionError(v.function, requestID, out)
		answer.Err = err
		answer.Fault.Class, answer.Fault.Certainty = fault.FunctionFailed, fault.Executed
		answer.TimedOut = err.Kind == KindTimeout
		answer.TooMuch = err.Kind == KindResponseTooLarge
		event = InvokedEvent{}
	}
	return answer, event
}

func (v *invocation) input(b *engine.Batch) lambda.InvokeInput {
	in := lambda.InvokeInput{
		FunctionName:   &v.function,
		Qualifier:      v.qualifier,
		InvocationType: v.invocationType,
	}
	if b.Sealed == nil {
		in.Payload = v.envelope.request(b)
	} else {
		if b.Sealed.Name == "" {
			b.Sealed.Name = newID()
		}
		if b.Sealed.Payload == nil {
			b.Sealed.Payload = v.envelope.request(b)
		}
		in.DurableExecutionName, in.Payload = &b.Sealed.Name, b.Sealed.Payload
	}
	if b.Tenant != "" {
		in.TenantId = &b.Tenant
	}
	if v.logTail {
		in.LogType = types.LogTypeTail
	}
	return in
}

// call is one call of the SDK.
type call struct {
	in    lambda.InvokeInput
	trace fault.Trace
}

// set switches off the SDK's own retries, of whatever mode: each would be an
// invocation without a permit, and in adaptive mode wait for a pace of the client's
// own. And it has the call watched.
func (c *call) set(o *lambda.Options) {
	o.Retryer = aws.NopRetryer{}
	replay.Certain(&c.trace)(o)
	c.trace.Watch(o)
}

func (v *invocation) retried(r *engine.Record, b *engine.Batch, delay time.Duration, err error) {
	v.hooks.retried(RetriedEvent{Function: v.function, Tenant: b.Tenant, ID: r.ID, Delay: delay, Err: err})
}
