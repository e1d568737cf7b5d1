package lambdatest

import (
	"bytes"
	"cmp"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const region = "us-east-1"

// Client returns a client of the service, wired to it in memory: no socket, no credentials, Region us-east-1. It is the SDK's
// own, with the SDK's own retries unless optFns change that. Safe for concurrent use.
func (s *Service) Client(optFns ...func(*lambda.Options)) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:      region,
		Credentials: aws.AnonymousCredentials{},
		HTTPClient:  s.HTTPClient(),
	}, optFns...)
}

// HTTPClient returns what [Service.Client] sends its requests with, for those who make a client, or an aws.Config, of their
// own. It takes requests for any host.
func (s *Service) HTTPClient() *HTTPClient {
	return &HTTPClient{service: s}
}

// An HTTPClient sends requests to a [Service] in memory. It fires the hooks of net/http/httptrace that net/http's own does, and
// fails with the errors that one does: *url.Error around *net.OpError. Safe for concurrent use.
type HTTPClient struct {
	service *Service
	used    atomic.Bool
}

// Do sends the request and returns the response. It returns as soon as the request's context ends; the function runs on
// then, as it does in Lambda, and holds its share of the concurrency until it is done.
func (c *HTTPClient) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.roundTrip(r)
	if err != nil {
		method := cmp.Or(r.Method, http.MethodGet)
		method = method[:1] + strings.ToLower(method[1:])
		return nil, &url.Error{Op: method, URL: r.URL.String(), Err: err}
	}
	return resp, nil
}

func (c *HTTPClient) roundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hooks := traceOf(ctx)
	hooks.getConn(hostPort(r.URL))

	line := &line{accepted: make(chan struct{})}
	replies := c.service.submit(&call{
		method: r.Method, url: r.URL, header: r.Header.Clone(), body: body,
		accept: line.accept,
	})
	var rep *reply
	select {
	case <-line.accepted:
	case rep = <-replies:
	case <-ctx.Done():
		if line.hangUp() {
			return nil, ctx.Err()
		}
	}
	if rep != nil && rep.cut == cutRefused {
		return nil, errRefused
	}
	hooks.sent(c.used.Swap(true))
	if rep == nil {
		select {
		case rep = <-replies:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if rep.cut == cutSilent {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.service.ctx.Done():
			rep.cut = cutReset
		}
	}
	if rep.cut == cutReset {
		return nil, errReset
	}
	hooks.answered()
	return rep.response(r), nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if cerr := r.Body.Close(); err == nil {
		err = cerr
	}
	return body, err
}

// A line is the way of one request to the service: it is sent only if its client waits till then.
type line struct {
	state    atomic.Int32
	accepted chan struct{}
}

const (
	lineOpen int32 = iota
	lineSent
	lineHungUp
)

func (l *line) accept() bool {
	if !l.state.CompareAndSwap(lineOpen, lineSent) {
		return false
	}
	close(l.accepted)
	return true
}

// hangUp reports false if the request is on the wire already.
func (l *line) hangUp() bool { return l.state.CompareAndSwap(lineOpen, lineHungUp) }

var (
	localAddr  = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 49152}
	remoteAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}

	errRefused = &net.OpError{
		Op: "dial", Net: "tcp", Addr: remoteAddr,
		Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}
	errReset = &net.OpError{
		Op: "read", Net: "tcp", Source: localAddr, Addr: remoteAddr,
		Err: os.NewSyscallError("read", syscall.ECONNRESET),
	}
)

// response is the reply as net/http hands it out.
func (r *reply) response(req *http.Request) *http.Response {
	var body io.Reader = bytes.NewReader(r.body)
	if r.cut == cutTruncated {
		body = io.MultiReader(bytes.NewReader(r.body[:len(r.body)/2]), cutShort{})
	}
	return &http.Response{
		Status:        strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.header,
		Body:          io.NopCloser(body),
		ContentLength: int64(len(r.body)),
		Request:       req,
	}
}

// cutShort reads as a connection that ends too early.
type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
