package sqstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Client returns a client of the service, wired to it in memory: no socket, no credentials, Region us-east-1. It is the SDK's own, with the SDK's own
// retries unless optFns change that.
func (s *Service) Client(optFns ...func(*sqs.Options)) *sqs.Client {
	return sqs.New(sqs.Options{Region: region, Credentials: aws.AnonymousCredentials{}, HTTPClient: s.HTTPClient()}, optFns...)
}

// HTTPClient returns what [Service.Client] sends its requests with. It takes requests for any host.
func (s *Service) HTTPClient() *HTTPClient { return &HTTPClient{s} }

// An HTTPClient sends requests to a [Service] in memory. Safe for concurrent use.
type HTTPClient struct{ service *Service }

// Do sends the request and returns the response.
func (c *HTTPClient) Do(r *http.Request) (*http.Response, error) {
	status, body, err := c.service.serve(r)
	if err != nil {
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: err}
	}
	return &http.Response{
		Status:        strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"sqstest"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}

// ServeHTTP answers one request of the SQS API over a server of your own.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body, err := s.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", "sqstest")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, and who does not read it has gone
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}

// serve does one call. An error means that no answer comes.
func (s *Service) serve(r *http.Request) (status int, body []byte, err error) {
	ctx := r.Context()
	if r.Body != nil {
		body, err = io.ReadAll(r.Body)
		if err := errors.Join(err, r.Body.Close()); err != nil {
			return 0, nil, err
		}
	}
	if ctx.Err() != nil {
		return 0, nil, ctx.Err()
	}
	select {
	case <-s.closing:
		return 0, nil, errReset
	default:
	}
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	status, body, err = s.do(ctx, operation, body)
	if ctx.Err() != nil && err != nil {
		return 0, nil, context.Cause(ctx)
	}
	return status, body, err
}
