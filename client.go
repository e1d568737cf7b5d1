package lambdabatch

import (
	"cmp"
	"net"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/internal/replay"
)

const (
	// pingAfter is how long an HTTP/2 connection may be silent before it is asked
	// whether it is alive, and pongWithin how long the answer may take: net/http's
	// own default.
	pingAfter  = 15 * time.Second
	pongWithin = 15 * time.Second

	// A NAT gateway forgets a connection after 350 s of silence (Amazon VPC User
	// Guide, "Troubleshoot NAT gateways"). Half of it leaves room for a lost probe.
	longestKeepAlive = 350 * time.Second / 2
)

// TunedClient returns an option of the SDK's Lambda client that makes its
// connections fit for inFlight invocations at a time, as many as the limiter lets
// in flight:
//
//	client := lambda.NewFromConfig(cfg, lambdabatch.TunedClient(256))
//
// It takes a copy of the config's HTTP client and changes what is listed here;
// all else stays, proxies and certificate authorities for example. That goes for
// an [awshttp.BuildableClient], which a config has unless it was given another;
// a client of another type stays as it is, and only the last point holds.
//
//   - The pool keeps at least inFlight idle connections, and allows as many. The SDK
//     keeps 10, so that with HTTP/1.1 most invocations beyond these begin with a
//     TLS handshake. A larger pool stays, and so does any if inFlight is less than 1.
//   - HTTP/2 is used where the server offers it.
//   - An HTTP/2 connection that was silent for 15 s gets a ping, and is given up if
//     there is no answer within 15 s. Otherwise every invocation goes to a dead
//     connection, until its own time is over. Times that the transport's HTTP2 has
//     set already stay.
//   - TCP keep-alive probes come every 30 s, if they were off or came later than
//     after 175 s: a NAT gateway forgets a connection after 350 s of silence (Amazon
//     VPC User Guide, "Troubleshoot NAT gateways"), and an invocation can be silent
//     for 15 minutes (AWS Lambda Developer Guide, "Lambda quotas").
//   - No time limit of the HTTP client's ends an invocation: its timeout, its read
//     timeout and ResponseHeaderTimeout are taken off. The context's remains; see
//     [WithInvocationTimeout]. Dialing and the TLS handshake get the SDK's own
//     limits, 30 s and 10 s, if they had none.
//   - Requests have a GetBody, which the SDK leaves out. So net/http can send one
//     again, on another connection if need be, when the server has declared it
//     unprocessed by a GOAWAY or REFUSED_STREAM of HTTP/2: up to three times. It
//     takes a stream that was reset with PROTOCOL_ERROR for unprocessed as well, and
//     an [http.Client] then follows redirects of a POST (307, 308) as its
//     CheckRedirect says. All this is for calls of your own: a [Batcher] sends again
//     what is surely unprocessed, and only that, with any client.
//
// The option is for making a client: with a single call it would make a pool for
// that call. One client for all Batchers of an account and Region is best. The
// option may be used several times, also concurrently.
func TunedClient(inFlight int) func(*lambda.Options) {
	return func(o *lambda.Options) {
		switch client := o.HTTPClient.(type) {
		case nil:
			o.HTTPClient = tuned(awshttp.NewBuildableClient(), inFlight)
		case *awshttp.BuildableClient:
			o.HTTPClient = tuned(client, inFlight)
		}
		replay.ByNetHTTP(o)
	}
}

// tuned is a copy of client for inFlight invocations at a time.
func tuned(client *awshttp.BuildableClient, inFlight int) *awshttp.BuildableClient {
	// Not without need, for it would replace a DialContext of the transport's.
	if d := client.GetDialer(); d.Timeout <= 0 || !aliveBehindNAT(d) {
		client = client.WithDialerOptions(tuneDialer)
	}
	return client.WithTimeout(0).WithReadTimeout(0).WithTransportOptions(func(t *http.Transport) {
		tuneTransport(t, inFlight)
	})
}

func tuneDialer(d *net.Dialer) {
	if d.Timeout <= 0 {
		d.Timeout = awshttp.DefaultDialConnectTimeout
	}
	if !aliveBehindNAT(d) {
		d.KeepAlive = awshttp.DefaultDialKeepAliveTimeout
		d.KeepAliveConfig = net.KeepAliveConfig{}
	}
}

// aliveBehindNAT tells whether the dialer's connections are never silent for as
// long as a NAT gateway allows.
func aliveBehindNAT(d *net.Dialer) bool {
	idle := d.KeepAlive
	if d.KeepAliveConfig.Enable {
		idle = d.KeepAliveConfig.Idle
	}
	return idle >= 0 && idle <= longestKeepAlive // 0 is net's default, 15 s
}

func tuneTransport(t *http.Transport, inFlight int) {
	t.MaxIdleConnsPerHost = max(t.MaxIdleConnsPerHost, inFlight)
	if t.MaxIdleConns > 0 { // 0 is no limit, here and below
		t.MaxIdleConns = max(t.MaxIdleConns, inFlight)
	}
	if t.MaxConnsPerHost > 0 {
		t.MaxConnsPerHost = max(t.MaxConnsPerHost, inFlight)
	}
	t.ResponseHeaderTimeout = 0
	if t.TLSHandshakeTimeout <= 0 {
		t.TLSHandshakeTimeout = awshttp.DefaultHTTPTransportTLSHandleshakeTimeout
	}
	t.ForceAttemptHTTP2 = true

	var h2 http.HTTP2Config
	if t.HTTP2 != nil {
		h2 = *t.HTTP2
	}
	h2.SendPingTimeout = cmp.Or(h2.SendPingTimeout, pingAfter)
	h2.PingTimeout = cmp.Or(h2.PingTimeout, pongWithin)
	t.HTTP2 = &h2
}
