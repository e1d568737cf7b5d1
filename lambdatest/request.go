package lambdatest

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// A Request is one Invoke as it came over the wire. Its slices and maps must not be changed.
type Request struct {
	// RequestID is the ID that the answer's X-Amzn-Requestid gives to the caller: a UUID.
	RequestID string
	// Function is the bare name of the function, whether it was called by name or by ARN.
	Function string
	// Qualifier is the version or alias, from the name, the ARN or the parameter of its own; empty if there was none.
	Qualifier string
	// Tenant is the TenantId, empty if there was none.
	Tenant string
	// ClientContext is as it was sent: JSON in base64. Functions see it in synchronous invocations only.
	ClientContext string
	// DurableExecutionName is as it was sent, empty if there was none. See [Durable].
	DurableExecutionName string
	// Type is RequestResponse, Event or DryRun.
	Type types.InvocationType
	// LogType is Tail if the caller wants the end of the log.
	LogType types.LogType
	// Payload is as it was sent: empty if there was none, which the function sees as {}.
	Payload []byte
	// Header holds all HTTP headers of the request.
	Header http.Header
}

// FromContext returns the invocation that a [Function] was called for. It reports false for any other context. Safe for
// concurrent use.
func FromContext(ctx context.Context) (*Request, bool) {
	env, ok := ctx.Value(environmentKey{}).(*environment)
	if !ok {
		return nil, false
	}
	req := env.request
	return &req, true
}

// Logf writes a line to the log of the invocation that ctx belongs to; [fmt.Sprintf] tells how. The caller of the function
// sees the last 4 KB of it in LogResult if he asks for LogType Tail. It does nothing for any other context. Safe for
// concurrent use.
func Logf(ctx context.Context, format string, args ...any) {
	if env, ok := ctx.Value(environmentKey{}).(*environment); ok {
		env.log.printf(format, args...)
	}
}

type environmentKey struct{}

// An environment is what the context of a running Function carries.
type environment struct {
	request Request
	log     *tail
}
