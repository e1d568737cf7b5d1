package lambdabatch_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// The tests of this file are of real connections: the SDK's client and net/http
// on one side, net/http's server on the other, TLS and HTTP/2 on loopback.

// ledger is the function upper, which counts and can be held up.
type ledger struct {
	running chan string // IDs of the records that a held function has begun with

	mu   sync.Mutex
	held chan struct{} // nil: it is not held up
	runs map[string]int
}

func newLedger() *ledger {
	return &ledger{running: make(chan string, 1000), runs: map[string]int{}}
}

// hold holds up the executions that begin from now on, until release is called.
func (l *ledger) hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held = held
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = nil
		close(held)
	})
}

func (l *ledger) run(ctx context.Context, id string, data json.RawMessage) (any, error) {
	l.mu.Lock()
	l.runs[id]++
	held := l.held
	l.mu.Unlock()
	if held != nil {
		l.running <- id
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	return strings.ToUpper(texto(data)), nil
}

// await waits until n records are held up.
func (l *ledger) await(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-l.running:
		case <-time.After(time.Minute):
			require.FailNow(t, "the function is not called")
		}
	}
}

// executions are how often each of the records was executed.
func (l *ledger) executions(futures []*lambdabatch.Future[string]) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := make([]int, len(futures))
	for i, f := range futures {
		n[i] = l.runs[f.ID()]
	}
	return n
}

func all(n, what int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = what
	}
	return s
}

// newServer serves the function upper by TLS, and by HTTP/2 if that is asked for.
func newServer(t *testing.T, http2 bool, l *ledger, around func(http.Handler) http.Handler) (server *httptest.Server, connections *atomic.Int64) {
	t.Helper()
	s := lambdatest.New(lambdatest.History(0))
	t.Cleanup(s.Close)
	s.Handle(upper, lambdatest.PerRecord(l.run), lambdatest.Timeout(time.Hour))
	var handler http.Handler = s
	if around != nil {
		handler = around(handler)
	}
	return serve(t, http2, handler)
}

// serve serves handler by TLS, and by HTTP/2 if that is asked for.
func serve(t *testing.T, http2 bool, handler http.Handler) (server *httptest.Server, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	server = httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate()}, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, connections
}

// certificate is for a host of loopback. Its key is of a kind that makes for quick
// handshakes, of which there are many.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(100, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// newRelayed puts a relay before a server of HTTP/2.
func newRelayed(t *testing.T, l *ledger) (*relay, *httptest.Server) {
	t.Helper()
	server, _ := newServer(t, true, l, nil)
	return newRelay(t, server.Listener.Addr().String(), server.TLS.Certificates), server
}

// newWireClient is the SDK's client as a user makes one, of a config with a
// certificate authority of its own.
func newWireClient(t *testing.T, url string, server *httptest.Server, opts ...func(*lambda.Options)) *lambda.Client {
	t.Helper()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	return lambda.NewFromConfig(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &url,
		Credentials:  aws.AnonymousCredentials{},
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.TLSClientConfig.RootCAs = authorities
		}),
	}, opts...)
}

// each is a Batcher's options for an invocation per record, n at a time.
func each(t *testing.T, n int, more ...lambdabatch.Option) []lambdabatch.Option {
	t.Helper()
	return append([]lambdabatch.Option{
		lambdabatch.WithLimiter(newLimiter(t, lambdabatch.InFlight(n))), lambdabatch.WithMaxRecords(1), lambdabatch.WithLinger(0),
	}, more...)
}

func submit(t *testing.T, b *lambdabatch.Batcher[string, string], n int) []*lambdabatch.Future[string] {
	t.Helper()
	futures := make([]*lambdabatch.Future[string], n)
	for i := range futures {
		futures[i] = b.Submit(t.Context(), "hello")
	}
	return futures
}

// succeeded checks that all futures have their values, after so many attempts.
func succeeded(t *testing.T, futures []*lambdabatch.Future[string], attempts int) {
	t.Helper()
	for _, f := range futures {
		got, err := f.Await(t.Context())
		if assert.NoError(t, err) {
			assert.Equal(t, "HELLO", got)
			assert.Len(t, f.Attempts(), attempts)
		}
	}
}

// warm makes the one connection that all later requests share.
func warm(t *testing.T, b *lambdabatch.Batcher[string, string], r *relay) *link {
	t.Helper()
	_, err := b.Do(t.Context(), "warm")
	require.NoError(t, err)
	return r.only(t)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	const inFlight = 64
	tuned := []func(*lambda.Options){lambdabatch.TunedClient(inFlight)}
	for _, tt := range []struct {
		name     string
		http2    bool
		opts     []func(*lambda.Options)
		calls    int
		warm     bool // they come after a first one
		atMost   int64
		allowing string
	}{
		{"HTTP/2, tuned, warm", true, tuned, 2000, true, 1, ""},
		{"HTTP/2, tuned, cold", true, tuned, 2000, false, inFlight, "each of the first dials, until one connection is there"},
		{"HTTP/1.1, tuned", false, tuned, 2000, false, 2 * inFlight, "dials in vain at the start"},
		{"HTTP/1.1, the SDK's own", false, nil, 500, false, 500, "it keeps 10"},
	} {
		l := newLedger()
		server, connections := newServer(t, tt.http2, l, nil)
		b := newBatcher(t, newWireClient(t, server.URL, server, tt.opts...), each(t, inFlight)...)
		if tt.warm {
			_, err := b.Do(t.Context(), "warm")
			require.NoError(t, err)
		}
		start := time.Now()
		release := l.hold()
		futures := submit(t, b, tt.calls)
		l.await(t, inFlight)
		release()
		succeeded(t, futures, 1)
		assert.LessOrEqual(t, connections.Load(), tt.atMost, "%s: %s", tt.name, tt.allowing)
		t.Logf("%s: %d connections for %d invocations, %d at a time, in %v", tt.name, connections.Load(), tt.calls, inFlight, time.Since(start))
	}
}

// net/http's server says GOAWAY when a handler asks it to close the connection.
// Which requests that leaves unprocessed is the network's choice.
func TestServerGoesAway(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []bool{true, false} {
		t.Run(fmt.Sprint("retry uncertain ", uncertain), func(t *testing.T) {
			t.Parallel()
			const records, inFlight, closeEach = 500, 16, 50
			l := newLedger()
			var requests, broken atomic.Int64
			server, connections := newServer(t, true, l, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if requests.Add(1)%closeEach == 0 {
						w.Header().Set("Connection", "close")
					}
					body, err := io.ReadAll(r.Body)
					if err != nil {
						broken.Add(1)
					}
					r.Body = io.NopCloser(bytes.NewReader(body))
					h.ServeHTTP(w, r)
				})
			})
			b := newBatcher(t, newWireClient(t, server.URL, server), each(t, inFlight, lambdabatch.WithRetryUncertain(uncertain))...)

			futures := submit(t, b, records)
			for _, f := range futures {
				_, err := f.Await(t.Context())
				require.NoError(t, err)
			}
			assert.Equal(t, all(records, 1), l.executions(futures))
			assert.Greater(t, connections.Load(), int64(1))
			assert.Zero(t, broken.Load())
			t.Logf("%d connections, %d requests, %d retries by the Batcher", connections.Load(), requests.Load(), b.Stats().Retried)
		})
	}
}

// unprocessed are the ways in which a server says that it has not looked at
// requests.
var unprocessed = map[string]func(*link, []uint32){"GOAWAY": sendAway, "REFUSED_STREAM": refuse}

func TestUnprocessedRequestsAreReplayed(t *testing.T) {
	t.Parallel()
	for name, spring := range unprocessed {
		for _, uncertain := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", retry uncertain ", uncertain), func(t *testing.T) {
				t.Parallel()
				const running, caught = 36, 64
				l := newLedger()
				r, server := newRelayed(t, l)
				b := newBatcher(t, newWireClient(t, r.url(), server), each(t, running+caught, lambdabatch.WithRetryUncertain(uncertain))...)
				connection := warm(t, b, r)

				release := l.hold()
				defer release()
				futures := submit(t, b, running)
				l.await(t, running)
				sprung := connection.set(caught, spring)
				futures = append(futures, submit(t, b, caught)...)
				<-sprung
				l.await(t, caught)
				release()

				succeeded(t, futures, 1)
				assert.Equal(t, all(running+caught, 1), l.executions(futures))
				if name == "REFUSED_STREAM" {
					r.only(t)
				}
			})
		}
	}
}

// net/http would take a stream that was reset for a PROTOCOL_ERROR for unprocessed.
func TestUncertainRequestsAreNotReplayed(t *testing.T) {
	t.Parallel()
	l := newLedger()
	r, server := newRelayed(t, l)
	client := newWireClient(t, r.url(), server, lambdabatch.TunedClient(1))
	b := newBatcher(t, client, each(t, 1, lambdabatch.WithRetryUncertain(false))...)
	connection := warm(t, b, r)
	release := l.hold()
	futures := submit(t, b, 1)
	l.await(t, 1)
	connection.resetLast(1)
	release()
	_, err := futures[0].Await(t.Context())
	require.ErrorContains(t, err, "PROTOCOL_ERROR")
	assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
	assert.Len(t, futures[0].Attempts(), 1)
	_, err = b.Do(t.Context(), "hello")
	require.NoError(t, err)
	assert.Equal(t, []int{1}, l.executions(futures))
}

// The same calls without a Batcher: TunedClient is what makes them succeed.
func TestTunedClientReplays(t *testing.T) {
	t.Parallel()
	for name, spring := range unprocessed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, server := newRelayed(t, newLedger())
			call := func(client *lambda.Client) error {
				_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(upper), Payload: []byte(`{"records":[]}`)})
				return err
			}
			once := func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }

			plain := newWireClient(t, r.url(), server, once)
			require.NoError(t, call(plain))
			r.all()[0].set(1, spring)
			require.ErrorContains(t, call(plain), "define Request.GetBody")

			before := len(r.all())
			tuned := newWireClient(t, r.url(), server, once, lambdabatch.TunedClient(1))
			require.NoError(t, call(tuned))
			sprung := r.all()[before].set(1, spring)
			require.NoError(t, call(tuned))
			<-sprung
		})
	}
}

// pings makes a client find out soon that a connection is dead.
func pings(o *lambda.Options) {
	o.HTTPClient = o.HTTPClient.(*awshttp.BuildableClient).WithTransportOptions(func(tr *http.Transport) {
		tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: 100 * time.Millisecond, PingTimeout: 2 * time.Second}
	})
}

func TestBlackHole(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []bool{true, false} {
		t.Run(fmt.Sprint("retry uncertain ", uncertain), func(t *testing.T) {
			t.Parallel()
			const n = 10
			l := newLedger()
			r, server := newRelayed(t, l)
			client := newWireClient(t, r.url(), server, pings, lambdabatch.TunedClient(2*n))
			b := newBatcher(t, client, each(t, 2*n, lambdabatch.WithRetryUncertain(uncertain))...)
			connection := warm(t, b, r)

			release := l.hold()
			executed := submit(t, b, n)
			l.await(t, n)
			connection.freeze()
			release()
			swallowed := submit(t, b, n)

			futures := slices.Concat(executed, swallowed)
			for _, f := range futures {
				<-f.Done()
				first := f.Attempts()[0]
				assert.Equal(t, lambdabatch.MaybeExecuted, first.Certainty)
				assert.ErrorContains(t, first.Err, "client connection lost")
			}
			if uncertain {
				for _, f := range futures {
					_, err := f.Await(t.Context())
					assert.NoError(t, err)
				}
				assert.Equal(t, append(all(n, 2), all(n, 1)...), l.executions(futures))
			} else {
				for _, f := range futures {
					_, err := f.Await(t.Context())
					assert.Error(t, err)
					assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
				}
				assert.Equal(t, append(all(n, 1), all(n, 0)...), l.executions(futures))
			}
			got, err := b.Do(t.Context(), "hello")
			require.NoError(t, err)
			assert.Equal(t, "HELLO", got)
		})
	}
}

func TestConnectionLost(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []bool{true, false} {
		t.Run(fmt.Sprint("retry uncertain ", uncertain), func(t *testing.T) {
			t.Parallel()
			const n = 100
			l := newLedger()
			r, server := newRelayed(t, l)
			client := newWireClient(t, r.url(), server, lambdabatch.TunedClient(n))
			var mu sync.Mutex
			delays := map[time.Duration]bool{}
			hook := lambdabatch.WithHooks(lambdabatch.Hooks{Retried: func(e lambdabatch.RetriedEvent) {
				mu.Lock()
				defer mu.Unlock()
				delays[e.Delay] = true
			}})
			b := newBatcher(t, client, each(t, n, lambdabatch.WithRetryUncertain(uncertain), hook)...)
			connection := warm(t, b, r)

			release := l.hold()
			futures := submit(t, b, n)
			l.await(t, n)
			r.only(t)
			connection.lose()
			release()

			if uncertain {
				succeeded(t, futures, 2)
				assert.Equal(t, all(n, 2), l.executions(futures))
				assert.Greater(t, len(delays), n/2, "they do not all return at once")
			}
			for _, f := range futures {
				<-f.Done()
				assert.Equal(t, lambdabatch.MaybeExecuted, f.Attempts()[0].Certainty)
				if uncertain {
					continue
				}
				_, err := f.Await(t.Context())
				var failed *lambdabatch.InvokeError
				assert.ErrorAs(t, err, &failed)
				assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
				assert.Len(t, f.Attempts(), 1)
			}
			if !uncertain {
				assert.Equal(t, all(n, 1), l.executions(futures))
				assert.Empty(t, delays)
			}
		})
	}
}
