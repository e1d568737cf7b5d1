package fault

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Trace watches one call through the SDK and net/http, to tell afterwards whether the request left the process. The
// zero value is ready; use one for each call:
//
//	var t fault.Trace
//	out, err := client.Invoke(ctx, in, t.Watch)
//	if err != nil {
//		f := fault.Of(ctx, err, &t)
//
// All of it is atomic, for net/http calls hooks from its own goroutines, some of them after the call has returned. That
// cannot belie an earlier "nothing was written": HTTP/1 waits for its writer before it reports an error, and HTTP/2
// closes the body first, so that a request whose headers were still to come can never be completed. (The latter needs
// a body to close: an invocation without payload is judged with that tiny gap.)
type Trace struct {
	installed atomic.Bool  // the middleware is part of the stack that this call runs through
	attempts  atomic.Int32 // times the HTTP client was called
	sought    atomic.Bool  // net/http looked for a connection: so the HTTP client honors httptrace
	wrote     atomic.Bool  // request headers were written, of any attempt that may have been processed
}

// Watch is the option of Invoke that lets t see the call.
func (t *Trace) Watch(o *lambda.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		// Last in the last step: whatever else is on the stack has had its chance to fail.
		if err := stack.Deserialize.Add(t.middleware(), middleware.After); err != nil {
			return err
		}
		// Not earlier, for an Invoker that is not the SDK may call its options, and then send in a way of its own.
		t.installed.Store(true)
		return nil
	})
}

func (t *Trace) middleware() middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("LambdabatchTrace", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		// Sending under an ended ctx could only fail, and with less certainty: net/http says the same words
		// before the first byte and after the last one.
		if err := ctx.Err(); err != nil {
			return middleware.DeserializeOutput{}, middleware.Metadata{}, &smithy.CanceledError{Err: err}
		}
		t.attempts.Add(1)
		return next.HandleDeserialize(httptrace.WithClientTrace(ctx, t.hooks()), in)
	})
}

func (t *Trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.sought.Store(true) },
		WroteHeaders: func() { t.wrote.Store(true) },
		// With an error it comes without headers too, from a connection that was dead before the first byte.
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				t.wrote.Store(true)
			}
		},
	}
}

// Forget is called between two requests of the same call, when the first one was surely not processed: it counts as not
// written.
func (t *Trace) Forget() { t.wrote.Store(false) }

// stoppedShort reports that the call surely ended before the HTTP client was called.
func (t *Trace) stoppedShort() bool {
	return t != nil && t.installed.Load() && t.attempts.Load() == 0
}

// nothingWritten reports that net/http surely wrote no request. Having seen nothing at all proves nothing: an HTTP
// client of the user's own need not honor httptrace.
func (t *Trace) nothingWritten() bool {
	return t != nil && t.sought.Load() && !t.wrote.Load()
}

// written reports that net/http wrote a request, or at least its headers.
func (t *Trace) written() bool { return t != nil && t.wrote.Load() }

// repeated reports that the HTTP client was called more than once.
func (t *Trace) repeated() bool { return t != nil && t.attempts.Load() > 1 }
