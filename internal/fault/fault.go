// Package fault judges a failed Invoke: was the function executed, and what should be done about it?
//
// The two answers are independent of each other. A Class says whether another attempt can succeed, a Certainty says
// what another attempt can cost: the function may see the same records twice.
//
// The evidence is, in this order: whether the call got as far as the HTTP client at all; the HTTP status; the error
// code; and, where no answer came, whether the request left the process. The SDK's errors alone cannot tell the last:
// a canceled call is reported in the same words whatever had happened by then. So a Trace watches the call.
package fault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Fault is what a failed Invoke amounts to.
type Fault struct {
	Class     Class
	Certainty Certainty

	// Reason says which quota a 429 ran into. It is empty when the answer did not say, and may be a word that the
	// SDK does not know yet.
	Reason types.ThrottleReason

	// RetryAfter is the floor under the wait for the next attempt: the answer's Retry-After, and never less than
	// SlowFloor for a Slow fault. Zero means that there is none.
	RetryAfter time.Duration

	Status    int    // of the HTTP response; 0 when none came
	Code      string // of the smithy.APIError; empty when there was none
	RequestID string
}

// Of judges err, which an Invoke returned. ctx is the one that the call was made with. t watched the call, or is nil,
// and then only the error's own type can prove that the request never left.
//
// A ctx that ended explains why no answer came, and not what became of the request: such a fault is Transient, its
// Certainty follows the usual rules, and whether anybody still wants another attempt is the caller's business.
func Of(ctx context.Context, err error, t *Trace) Fault {
	// This comes first, for an error from before the transport can hold an HTTP response: that of STS, or of
	// another source of credentials. Its 403 or 429 says nothing about Lambda.
	if t.stoppedShort() {
		return Fault{Class: beforeTransport(ctx, err), Certainty: NotExecuted}
	}

	f := answerIn(err)
	v, answered := judge(f.Status, f.Code)
	if !answered {
		v = verdict{Transient, MaybeExecuted}
		if neverLeft(err, t) {
			v.certainty = NotExecuted
		}
	}
	f.Class, f.Certainty = v.class, v.certainty

	if f.Class == Permanent && skewed(err) {
		f.Class = Once
	}
	if f.Class == Slow {
		f.RetryAfter = max(f.RetryAfter, SlowFloor)
	}
	// A refusal speaks for the last request only, and some retryer or middleware below may have sent others.
	if f.Certainty == NotExecuted && sentBefore(err, t) {
		f.Certainty = MaybeExecuted
	}
	return f
}

// answerIn reads what Lambda answered out of err.
func answerIn(err error) Fault {
	var f Fault
	var header http.Header

	// The SDK wraps failures of the transport as well, around an empty response of its own making: status 0.
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil && response.Response.Response != nil {
		f.Status = response.Response.StatusCode
		header = response.Response.Header
	}
	var request *awshttp.ResponseError
	if errors.As(err, &request) {
		f.RequestID = request.ServiceRequestID()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		f.Code = api.ErrorCode()
	}

	f.RetryAfter = retryAfter(header)
	var throttle *types.TooManyRequestsException
	if errors.As(err, &throttle) {
		f.Reason = throttle.Reason
		// A stand-in for the SDK's client sets the member, and has no header.
		if f.RetryAfter == 0 && throttle.RetryAfterSeconds != nil {
			f.RetryAfter = seconds(*throttle.RetryAfterSeconds)
		}
	}
	return f
}

// skewed reports whether the SDK traced a refusal back to a wrong clock. It corrects the clock for the next call, and
// marks the error as retryable even when its retries are switched off. An AccessDeniedException can carry the mark too.
func skewed(err error) bool {
	var mark interface{ RetryableError() bool }
	return errors.As(err, &mark) && mark.RetryableError()
}

// sentBefore reports whether err may be the last of several attempts, of which an earlier one left the process.
func sentBefore(err error, t *Trace) bool {
	var spent *retry.MaxAttemptsError
	several := t.repeated() || errors.As(err, &spent) && spent.Attempt > 1
	return several && !t.nothingWritten()
}
