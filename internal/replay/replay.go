// Package replay sends requests again that the server has declared unprocessed: it refused the stream, or that is above
// the last one of its GOAWAY (RFC 9113, sections 8.7 and 6.8). Nothing is lost then, and nothing can happen twice, so
// there is nothing to wait for, nor to count.
//
// net/http would do so by itself, had the SDK set Request.GetBody; see ByNetHTTP. Without GetBody it does something worse
// once in a while: a request that it put on a connection just as that went away it sends on another one, after it has
// closed the body. Most bodies can be read all the same, but the SDK's is then empty.
package replay

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// most is how often a request is sent again. A connection that goes away costs one replay; a server that sends away each
// new connection would otherwise be dialed without end and without a pause.
const most = 3

// Certain is an option of one call, which t watches: its request is sent again if it was surely not processed, and in no
// other case, whatever net/http thinks. So the certainty of what the call returns in the end is that of its last request.
func Certain(t *fault.Trace) func(*lambda.Options) {
	return func(o *lambda.Options) {
		if o.HTTPClient == nil { // not the SDK's client
			return
		}
		ByNetHTTP(o) // which is now by client
		o.HTTPClient = &client{next: o.HTTPClient, trace: t}
	}
}

// client is the HTTP client of one call.
type client struct {
	next  lambda.HTTPClient
	trace *fault.Trace
}

func (c *client) Do(r *http.Request) (*http.Response, error) {
	from := r.Body
	for replays := 0; ; replays++ {
		resp, err := c.send(r, from)
		if r.GetBody == nil || replays == most || r.Context().Err() != nil || !fault.Replayable(err) {
			return resp, err
		}
		again, failed := r.GetBody()
		if failed != nil {
			return resp, err
		}
		c.trace.Forget()
		from = again
	}
}

// send sends a copy of r with a body of its own.
func (c *client) send(r *http.Request, from io.ReadCloser) (*http.Response, error) {
	once := *r
	once.GetBody = nil
	if from != nil && from != http.NoBody {
		b := &body{from: from}
		defer b.end()
		once.Body = b
	}
	return c.next.Do(&once)
}

var errOver = errors.New("the call is over")

// body can be read until the call is over, also after it was closed.
type body struct {
	mu   sync.Mutex // protects following
	from io.ReadCloser
	over bool
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errOver
	}
	return b.from.Read(p)
}

// Close does nothing: net/http also closes what it goes on to send.
func (b *body) Close() error { return nil }

// end makes sure that what was not sent yet never is: not by a goroutine of net/http that has outlived the call.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	_ = b.from.Close()
}
