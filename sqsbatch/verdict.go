package sqsbatch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lambdabatch/lambdabatch"
)

// verdict is what an outcome means for the message.
type verdict uint8

const (
	succeeded verdict = iota
	permanent         // the message is at fault, and will always be
	passing           // it may do better next time
	blameless         // whatever it is, the message has no part in it
	closed            // the Batcher takes no more
)

// judge tells what an outcome means, and the least wait before the next attempt.
func judge(err error) (verdict, time.Duration) {
	var (
		undecodable *DecodeError
		refused     *lambdabatch.RecordError
		failed      *lambdabatch.FunctionError
		unusable    *lambdabatch.ResultError
		panicked    *lambdabatch.PanicError
		invocation  *lambdabatch.InvokeError
	)
	switch {
	case err == nil:
		return succeeded, 0
	case errors.Is(err, lambdabatch.ErrClosed):
		return closed, 0
	case errors.As(err, &undecodable), errors.Is(err, lambdabatch.ErrNotEncodable), errors.Is(err, lambdabatch.ErrRecordTooLarge):
		return permanent, 0
	case errors.As(err, &refused):
		if refused.Retryable {
			return passing, refused.RetryAfter
		}
		return permanent, 0
	// The function may crash because of the record, or because of the last deployment. Only time tells.
	case errors.As(err, &failed), errors.As(err, &unusable), errors.As(err, &panicked):
		return passing, 0
	case errors.Is(err, lambdabatch.ErrDeliveryTimeout), errors.Is(err, lambdabatch.ErrBufferFull), errors.Is(err, context.Canceled):
		return blameless, 0
	case errors.As(err, &invocation):
		// The invocation timeout: the function may hang on this very record.
		if errors.Is(err, context.DeadlineExceeded) {
			return passing, 0
		}
		if tooLarge(err) {
			return permanent, 0
		}
		return blameless, 0
	default:
		return passing, 0
	}
}

// tooLarge tells whether something on the way refused the record, alone, for its size.
func tooLarge(err error) bool {
	var modeled *types.RequestTooLargeException
	var response *smithyhttp.ResponseError
	return errors.As(err, &modeled) || errors.As(err, &response) && response.HTTPStatusCode() == http.StatusRequestEntityTooLarge
}
