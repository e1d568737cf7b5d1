package lambdatest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// maxClientContext is in bytes of base64 (Lambda API Reference, "Invoke").
const maxClientContext = 3583

// A call is one HTTP request as the service sees it, over whichever transport.
type call struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
	// accept is called once the request is on the wire. It reports false if the client has gone before that.
	accept func() bool
}

// A reply is one HTTP response, or what the client gets in place of it.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	cut     cut
	reason  types.ThrottleReason // of a 429
	foreign bool                 // not from Lambda: without the headers it always sends
}

// cut is how a connection ends without a whole response.
type cut int

const (
	cutNone      cut = iota
	cutRefused       // never was
	cutReset         // before the response
	cutTruncated     // amid the body
	cutSilent        // not at all: nothing ever comes
)

// A route answers the calls of one operation of the API. params are the path's, unescaped.
type route struct {
	operation string
	method    string
	pattern   []string // segments; "{}" stands for a parameter
	handle    func(s *Service, c *call, params []string) *reply
}

var routes = []route{
	{"Invoke", http.MethodPost, []string{"2015-03-31", "functions", "{}", "invocations"}, (*Service).invoke},
	{"GetAccountSettings", http.MethodGet, []string{"2016-08-19", "account-settings"}, (*Service).accountSettings},
	{"GetFunctionConcurrency", http.MethodGet, []string{"2019-09-30", "functions", "{}", "concurrency"}, (*Service).functionConcurrency},
	{"GetFunctionConfiguration", http.MethodGet, []string{"2015-03-31", "functions", "{}", "configuration"}, (*Service).functionConfiguration},
}

// submit has the service answer c in a goroutine of its own, which outlasts a client that goes away.
func (s *Service) submit(c *call) <-chan *reply {
	out := make(chan *reply, 1)
	if !s.spawn(func() { out <- s.answer(c) }) {
		out <- &reply{cut: cutRefused}
	}
	return out
}

func (s *Service) answer(c *call) *reply {
	there := s.roundTrip / 2
	if !s.sleep(there) {
		return &reply{cut: cutRefused}
	}
	rep := s.dispatch(c)
	if rep.status != 0 && !rep.foreign {
		rep.complete()
	}
	if !s.sleep(s.roundTrip - there) {
		return &reply{cut: cutReset}
	}
	return rep
}

func (s *Service) dispatch(c *call) *reply {
	for _, r := range routes {
		params, ok := r.match(c.method, c.url.EscapedPath())
		switch {
		case !ok:
		case s.denies(r.operation):
			return deny(c, r.operation)
		default:
			return r.handle(s, c, params)
		}
	}
	if !c.accept() {
		return &reply{cut: cutReset}
	}
	return refused(http.StatusNotFound, "UnknownOperationException",
		fmt.Sprintf("lambdatest: no operation has the route %s %s", c.method, c.url.Path))
}

func (r route) match(method, path string) (params []string, ok bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	if method != r.method || len(segments) != len(r.pattern) {
		return nil, false
	}
	for i, want := range r.pattern {
		got, err := url.PathUnescape(segments[i])
		switch {
		case err != nil:
			return nil, false
		case want == "{}":
			params = append(params, got)
		case got != want:
			return nil, false
		}
	}
	return params, true
}

// complete adds the headers that all answers of Lambda have.
func (r *reply) complete() {
	if r.header.Get(headerRequestID) == "" {
		r.header.Set(headerRequestID, newRequestID())
	}
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
}

const (
	headerRequestID = "X-Amzn-Requestid"
	headerErrorType = "X-Amzn-Errortype"
)

type errorBody struct {
	Reason  types.ThrottleReason `json:"Reason,omitempty"`
	Type    string               `json:"Type"`
	Message string               `json:"message"`
}

// answered is the answer that v, which encodes, is.
func answered(v any) *reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// refused is the answer to a request that fails before the function runs.
func refused(status int, errorType, message string) *reply {
	return refusedFor("", status, errorType, message)
}

func refusedFor(reason types.ThrottleReason, status int, errorType, message string) *reply {
	who := "User"
	if status >= http.StatusInternalServerError {
		who = "Service"
	}
	body, err := json.Marshal(errorBody{Reason: reason, Type: who, Message: message})
	if err != nil { // strings always encode
		panic(err)
	}
	return &reply{
		status: status,
		header: http.Header{"Content-Type": {"application/json"}, headerErrorType: {errorType}},
		body:   body,
		reason: reason,
	}
}

// throttled words the refusal as those that were seen of Lambda, down to the capital E and the full stop.
func throttled(reason types.ThrottleReason) *reply {
	message := "Rate exceeded"
	if reason == types.ThrottleReasonConcurrentInvocationLimitExceeded ||
		reason == types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		message = "Rate Exceeded."
	}
	return refusedFor(reason, http.StatusTooManyRequests, "TooManyRequestsException", message)
}

// newRequestID makes a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// randomHex makes that many random bytes, in hexadecimal.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
