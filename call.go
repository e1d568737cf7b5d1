package lambdabatch

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/fault"
	"github.com/lambdabatch/lambdabatch/internal/replay"
)

// call is one call of the SDK, and what came of it.
type call struct {
	*invocation
	batch  *engine.Batch
	in     lambda.InvokeInput
	trace  fault.Trace
	answer engine.Answer
	event  InvokedEvent
}

func (c *call) starting(ctx context.Context) context.Context {
	b := c.batch
	c.hooks.sealed(SealedEvent{
		Function: c.function, Tenant: b.Tenant, Records: len(b.Records), Bytes: b.Bytes, Reason: SealReason(b.Reason),
	})
	return c.hooks.invoking(ctx, InvokingEvent{
		Function: c.function, Tenant: b.Tenant, Records: len(b.Records), Bytes: b.Bytes,
	})
}

// invoke makes the call and reads the answer.
func (c *call) invoke(ctx context.Context) {
	c.write()
	var out *lambda.InvokeOutput
	var err error
	panicked := guard("the Invoker", func() {
		out, err = c.client.Invoke(ctx, &c.in, c.set)
	})
	switch {
	case panicked != nil:
		c.broken(panicked, fault.Fault{})
	case err != nil:
		c.failed(ctx, err)
	case out == nil:
		c.failed(ctx, errors.New("the Invoker returned neither an output nor an error"))
	default:
		c.answered(out)
	}
}

// write makes the input.
func (c *call) write() {
	c.in.FunctionName, c.in.Qualifier, c.in.InvocationType = &c.function, c.qualifier, c.invocationType
	if sealed := c.batch.Sealed; sealed == nil {
		c.in.Payload = c.batch.Payload()
	} else {
		if sealed.Name == "" {
			sealed.Name = newID()
		}
		if sealed.Payload == nil {
			sealed.Payload = c.batch.Payload()
		}
		c.in.DurableExecutionName, c.in.Payload = &sealed.Name, sealed.Payload
	}
	if c.batch.Tenant != "" {
		c.in.TenantId = &c.batch.Tenant
	}
	if c.logTail {
		c.in.LogType = types.LogTypeTail
	}
}

// set switches off the SDK's own retries, of whatever mode: each would be an
// invocation without a permit, and in adaptive mode wait for a pace of the client's
// own. And it has the call watched.
func (c *call) set(o *lambda.Options) {
	o.Retryer = aws.NopRetryer{}
	replay.Certain(&c.trace)(o)
	c.trace.Watch(o)
}

// broken makes the answer that of an invocation that code of the user's has spoiled. f
// is what is known of it otherwise.
func (c *call) broken(err error, f fault.Fault) {
	f.Class = fault.Permanent
	c.fail(err, f)
}

// failed is for when Lambda did not carry out the invocation, or nobody knows.
func (c *call) failed(ctx context.Context, err error) {
	f := fault.Of(ctx, err, &c.trace)
	c.fail(err, f)
	c.answer.TooMuch = f.Class == fault.TooLarge
	c.answer.Stopped = f.Status == 0 && errors.Is(ctx.Err(), context.Canceled)
	c.event.Throttled, c.event.Reason = f.Class == fault.Throttled, f.Reason
}

// fail makes the answer a failure of all the batch.
func (c *call) fail(err error, f fault.Fault) {
	c.answer = engine.Answer{
		Err:       &InvokeError{Function: c.function, RequestID: f.RequestID, Certainty: Certainty(f.Certainty), Err: err},
		RequestID: f.RequestID,
		Fault:     f,
	}
	c.event = InvokedEvent{}
}

// answered is for when Lambda carried out the invocation.
func (c *call) answered(out *lambda.InvokeOutput) {
	requestID, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	a := &c.answer
	*a = engine.Answer{RequestID: requestID, Fault: fault.Fault{Certainty: fault.Executed, Status: int(out.StatusCode), RequestID: requestID}}
	failed := aws.ToString(out.FunctionError) != ""
	switch {
	case failed:
	case c.invocationType == types.InvocationTypeEvent:
		failed = disguised(out.Payload)
		a.Fault.Certainty = fault.MaybeExecuted // it is queued
		a.Results = make([]engine.Result, len(c.batch.Records))
		c.event.Succeeded = len(c.batch.Records)
	default:
		var rd reading
		var err error
		if panicked := guard("the Format", func() { rd, err = read(c.format, c.batch, out.Payload, requestID) }); panicked != nil {
			c.broken(panicked, a.Fault)
			return
		}
		failed = err != nil && disguised(out.Payload)
		a.Results, a.Lender = rd.results, (*lent)(rd.Results)
		a.ResponseShare = float64(len(out.Payload)) / maxSyncResponse
		e := &c.event
		e.Succeeded, e.Failed, e.Retry, e.Missing, e.Unmatched = rd.succeeded, rd.failed, rd.retry, rd.missing, rd.unmatched
	}
	if failed {
		err := newFunctionError(c.function, requestID, out)
		a.Err = err
		a.Fault.Class, a.Fault.Certainty = fault.FunctionFailed, fault.Executed
		a.TimedOut = err.Kind == KindTimeout
		a.TooMuch = err.Kind == KindResponseTooLarge
		c.event = InvokedEvent{}
	}
}
