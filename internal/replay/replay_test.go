package replay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/fault"
	"github.com/lambdabatch/lambdabatch/internal/replay"
)

const payload = `{"records":[]}`

// What net/http says; package fault knows it from the wire.
var (
	errGoAway   = errors.New("http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY] after Request.Body was written; define Request.GetBody to avoid this error")
	errRefused  = errors.New("http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer] after Request.Body was written; define Request.GetBody to avoid this error")
	errProtocol = errors.New("http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; received from peer] after Request.Body was written; define Request.GetBody to avoid this error")
	errCalm     = errors.New("http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM")
	errLost     = errors.New("http2: client connection lost")
)

// requests is an HTTP client that reads the requests, and then fails as it is told.
type requests struct {
	errs   []error // of the requests; then a 200
	bodies []string
	last   *http.Request
	before func(*http.Request) // called before the body is read
}

func (c *requests) Do(r *http.Request) (*http.Response, error) {
	if t := httptrace.ContextClientTrace(r.Context()); t != nil {
		t.GetConn("")
		t.WroteHeaders()
	}
	if c.before != nil {
		c.before(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	c.last = r
	c.bodies = append(c.bodies, string(body))
	if n := len(c.bodies); n <= len(c.errs) {
		return nil, c.errs[n-1]
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Request: r}, nil
}

func invoke(ctx context.Context, c lambda.HTTPClient, opts ...func(*lambda.Options)) error {
	client := lambda.New(lambda.Options{
		Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{}, HTTPClient: c,
	})
	_, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(payload)}, opts...)
	return err
}

func TestCertain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		errs      []error
		requests  int
		certainty fault.Certainty // of what comes out; with requests > len(errs) nothing does
	}{
		"fine":                             {nil, 1, 0},
		"went away":                        {[]error{errGoAway}, 2, 0},
		"refused":                          {[]error{errRefused}, 2, 0},
		"again":                            {[]error{errGoAway, errRefused, errGoAway}, 4, 0},
		"too often":                        {[]error{errGoAway, errGoAway, errGoAway, errGoAway}, 4, fault.NotExecuted},
		"protocol error":                   {[]error{errProtocol}, 1, fault.MaybeExecuted},
		"lost":                             {[]error{errLost}, 1, fault.MaybeExecuted},
		"refused, then lost":               {[]error{errRefused, errLost}, 2, fault.MaybeExecuted},
		"asked for calm, which is a pause": {[]error{errCalm}, 1, fault.NotExecuted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &requests{errs: tt.errs, before: func(r *http.Request) {
				assert.Nil(t, r.GetBody, "net/http would replay more than is safe, and follow redirects")
				assert.Equal(t, int64(len(payload)), r.ContentLength)
				// So does net/http with a request that it then puts on another connection.
				assert.NoError(t, r.Body.Close())
			}}
			var trace fault.Trace
			err := invoke(t.Context(), c, replay.Certain(&trace), trace.Watch)
			require.Len(t, c.bodies, tt.requests)
			for _, body := range c.bodies {
				assert.Equal(t, payload, body)
			}
			if tt.requests > len(tt.errs) {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.errs[tt.requests-1])
			assert.Equal(t, tt.certainty, fault.Of(t.Context(), err, &trace).Certainty)
		})
	}
}

// A GetBody of the user's knows no bound.
func TestCertainIsBounded(t *testing.T) {
	t.Parallel()
	own := func(o *lambda.Options) {
		next := o.HTTPClient
		o.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(payload)), nil }
			return next.Do(r)
		})
	}
	var away []error
	for range 100 {
		away = append(away, errGoAway)
	}
	c := &requests{errs: away}
	var trace fault.Trace
	require.ErrorIs(t, invoke(t.Context(), c, replay.Certain(&trace), own), errGoAway)
	assert.Len(t, c.bodies, 4)
}

// What the first request wrote counts for nothing, for nobody looked at it.
func TestCertainOfTheLastRequest(t *testing.T) {
	t.Parallel()
	c := &requests{errs: []error{errGoAway}}
	dial := smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		if len(c.bodies) == 0 {
			return c.Do(r)
		}
		return nil, errors.New("the proxy is out of order") // which says nothing of itself
	})
	var trace fault.Trace
	err := invoke(t.Context(), dial, replay.Certain(&trace), trace.Watch)
	require.ErrorContains(t, err, "out of order")
	assert.Equal(t, fault.NotExecuted, fault.Of(t.Context(), err, &trace).Certainty)
}

func TestCertainHeedsTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := &requests{errs: []error{errGoAway}, before: func(*http.Request) { cancel() }}
	var trace fault.Trace
	require.ErrorIs(t, invoke(ctx, c, replay.Certain(&trace), trace.Watch), context.Canceled)
	assert.Len(t, c.bodies, 1)
}

func TestNothingIsSentAfterTheCall(t *testing.T) {
	t.Parallel()
	var late io.ReadCloser
	c := smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		late = r.Body
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	})
	var trace fault.Trace
	require.Error(t, invoke(t.Context(), c, replay.Certain(&trace)))
	n, err := late.Read(make([]byte, 10))
	assert.Zero(t, n)
	assert.NotErrorIs(t, err, io.EOF, "an end would make it a whole request without a payload")
	require.Error(t, err)
}

func TestWithoutPayload(t *testing.T) {
	t.Parallel()
	c := &requests{errs: []error{errGoAway}}
	client := lambda.New(lambda.Options{Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{}, HTTPClient: c})
	var trace fault.Trace
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")}, replay.Certain(&trace))
	require.ErrorIs(t, err, errGoAway)
	assert.Equal(t, []string{""}, c.bodies)
}

// The options may come to an Invoker that is not the SDK's client.
func TestCertainWithoutHTTPClient(t *testing.T) {
	t.Parallel()
	var o lambda.Options
	replay.Certain(new(fault.Trace))(&o)
	assert.Nil(t, o.HTTPClient)
}

func TestByNetHTTP(t *testing.T) {
	t.Parallel()
	c := &requests{errs: []error{errGoAway}}
	twice := func(o *lambda.Options) { // of the client, and of the call
		replay.ByNetHTTP(o)
		replay.ByNetHTTP(o)
	}
	require.ErrorIs(t, invoke(t.Context(), c, twice), errGoAway)
	for range 3 {
		body, err := c.last.GetBody()
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, payload, string(got))
	}
	_, err := c.last.GetBody()
	require.ErrorContains(t, err, "time and again")
}

// GetBody is for the body as it is sent, and one of the user's stays.
func TestByNetHTTPComesLast(t *testing.T) {
	t.Parallel()
	at := func(set func(*smithyhttp.Request) (*smithyhttp.Request, error)) func(*lambda.Options) {
		return func(o *lambda.Options) {
			o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
				return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Test", func(
					ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
				) (middleware.FinalizeOutput, middleware.Metadata, error) {
					r, err := set(in.Request.(*smithyhttp.Request))
					if err != nil {
						return middleware.FinalizeOutput{}, middleware.Metadata{}, err
					}
					in.Request = r
					return next.HandleFinalize(ctx, in)
				}), middleware.After)
			})
		}
	}
	t.Run("another body", func(t *testing.T) {
		t.Parallel()
		c := &requests{}
		require.NoError(t, invoke(t.Context(), c, replay.ByNetHTTP, at(func(r *smithyhttp.Request) (*smithyhttp.Request, error) {
			another := bytes.NewReader([]byte("(compressed)"))
			_, _ = another.Seek(1, io.SeekStart)
			return r.SetStream(another)
		})))
		body, err := c.last.GetBody()
		require.NoError(t, err)
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, "compressed)", string(got))
	})
	t.Run("a body to be read once", func(t *testing.T) {
		t.Parallel()
		c := &requests{}
		require.NoError(t, invoke(t.Context(), c, replay.ByNetHTTP, at(func(r *smithyhttp.Request) (*smithyhttp.Request, error) {
			return r.SetStream(io.LimitReader(bytes.NewReader([]byte("once")), 4))
		})))
		assert.Nil(t, c.last.GetBody)
	})
	t.Run("a GetBody", func(t *testing.T) {
		t.Parallel()
		errOwn := errors.New("the user's")
		c := &requests{}
		require.NoError(t, invoke(t.Context(), c, replay.ByNetHTTP, at(func(r *smithyhttp.Request) (*smithyhttp.Request, error) {
			r.GetBody = func() (io.ReadCloser, error) { return nil, errOwn }
			return r, nil
		})))
		_, err := c.last.GetBody()
		assert.ErrorIs(t, err, errOwn)
	})
}
