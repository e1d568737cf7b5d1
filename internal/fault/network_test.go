package fault_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// refusedAddress has a port below those that the system gives out, so that no parallel test can come to listen on it.
const refusedAddress = "127.0.0.1:1"

// newHTTPClient trusts everybody, and speaks HTTP/2 where it is offered.
func newHTTPClient(t *testing.T, opts ...func(*http.Transport)) *http.Client {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	for _, opt := range opts {
		opt(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// serve has handler answer each connection once its request was read to the end.
func serve(t *testing.T, handler func(net.Conn)) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			handler(conn)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// listen hands each connection to handler as it is accepted.
func listen(t *testing.T, handler func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handler(conn)
		}
	}()
	return listener.Addr().String()
}

func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	const (
		not   = fault.NotExecuted
		maybe = fault.MaybeExecuted
	)
	forbiddingProxy := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(forbiddingProxy.Close)
	tests := map[string]struct {
		start func(t *testing.T) (url string)
		opt   func(*http.Transport)
		want  fault.Certainty

		// untraced is what the error alone tells.
		untraced fault.Certainty
		status   int
	}{
		"refused": {
			start: func(*testing.T) string { return "http://" + refusedAddress },
			want:  not, untraced: not,
		},
		"proxy refused": {
			start: func(*testing.T) string { return "https://lambda.test" },
			opt: func(tr *http.Transport) {
				tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: refusedAddress})
			},
			want: not, untraced: not,
		},
		"proxy forbids": {
			start: func(*testing.T) string { return "https://lambda.test" },
			opt: func(tr *http.Transport) {
				tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: forbiddingProxy.Listener.Addr().String()})
			},
			want: not, untraced: maybe,
		},
		"unknown host": {
			start: func(*testing.T) string { return "http://lambda.invalid" },
			opt: func(tr *http.Transport) {
				// No name server is asked, for it could take its time.
				tr.DialContext = (&net.Dialer{Resolver: &net.Resolver{
					PreferGo: true,
					Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("offline") },
				}}).DialContext
			},
			want: not, untraced: not,
		},
		"untrusted certificate": {
			start: func(t *testing.T) string {
				server := httptest.NewUnstartedServer(http.NotFoundHandler())
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.StartTLS()
				t.Cleanup(server.Close)
				return server.URL
			},
			opt:  func(tr *http.Transport) { tr.TLSClientConfig = nil },
			want: not, untraced: not,
		},
		"no TLS": {
			start: func(t *testing.T) string {
				return "https://" + listen(t, func(c net.Conn) {
					_, _ = c.Read(make([]byte, 1)) // else the dial may see the reset already
					reset(c)
				})
			},
			want: not, untraced: maybe,
		},
		"reset after the request": {
			start: func(t *testing.T) string { return serve(t, reset) },
			want:  maybe, untraced: maybe,
		},
		"closed after the request": {
			start: func(t *testing.T) string { return serve(t, func(c net.Conn) { _ = c.Close() }) },
			want:  maybe, untraced: maybe,
		},
		"response headers broken off": {
			start: func(t *testing.T) string {
				return serve(t, func(c net.Conn) {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-")
					_ = c.Close()
				})
			},
			want: maybe, untraced: maybe,
		},
		"result broken off": {
			start: func(t *testing.T) string {
				return serve(t, func(c net.Conn) {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\":")
					_ = c.Close()
				})
			},
			want: fault.Executed, untraced: fault.Executed, status: 200,
		},
		"error broken off": {
			start: func(t *testing.T) string {
				return serve(t, func(c net.Conn) {
					_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n{\"mess")
					_ = c.Close()
				})
			},
			want: maybe, untraced: maybe, status: 502,
		},

		"HTTP/2 stream refused": {
			start: func(t *testing.T) string { return serveHTTP2(t, resetStream(7)) },
			want:  not, untraced: not,
		},
		"HTTP/2 stream reset": {
			start: func(t *testing.T) string { return serveHTTP2(t, resetStream(8)) },
			want:  maybe, untraced: maybe,
		},
		// net/http would replay this one, had it the body.
		"HTTP/2 stream reset for a protocol error": {
			start: func(t *testing.T) string { return serveHTTP2(t, resetStream(1)) },
			want:  maybe, untraced: maybe,
		},
		"HTTP/2 going away, stream unprocessed": {
			start: func(t *testing.T) string { return serveHTTP2(t, goAway(0, 0, "")) },
			want:  not, untraced: not,
		},
		"HTTP/2 going away with an error, stream unprocessed": {
			start: func(t *testing.T) string { return serveHTTP2(t, goAway(0, 11, "")) },
			want:  not, untraced: not,
		},
		"HTTP/2 going away, stream perhaps processed": {
			start: func(t *testing.T) string { return serveHTTP2(t, goAway(1, 0, "")) },
			want:  maybe, untraced: maybe,
		},
		"HTTP/2 going away with misleading debug data": {
			start: func(t *testing.T) string {
				return serveHTTP2(t, goAway(1, 2, "stream error: stream ID 1; REFUSED_STREAM; received from peer"))
			},
			want: maybe, untraced: maybe,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var opts []func(*http.Transport)
			if tt.opt != nil {
				opts = append(opts, tt.opt)
			}
			endpoint := tt.start(t)

			got, err := invoke(t.Context(), t, newClient(endpoint, newHTTPClient(t, opts...)))
			assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: tt.want, Status: tt.status}, got, err)

			// On a connection of its own, for that of the first call is about to break.
			_, err = newClient(endpoint, newHTTPClient(t, opts...)).Invoke(t.Context(), input())
			require.Error(t, err)
			got = fault.Of(t.Context(), err, nil)
			assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: tt.untraced, Status: tt.status}, got, err)
		})
	}
}

// Whether the request is written before net/http notices is a race, and either answer is true then.
func TestClosedOnAccept(t *testing.T) {
	t.Parallel()
	address := listen(t, func(c net.Conn) { _ = c.Close() })
	got, err := invoke(t.Context(), t, newClient("http://"+address, newHTTPClient(t)))
	assert.Equal(t, fault.Transient, got.Class, err)
	assert.NotEqual(t, fault.Executed, got.Certainty, err)
}

func TestCanceledAfterTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	endpoint := serve(t, func(c net.Conn) {
		cancel()
		_, _ = c.Read(make([]byte, 1)) // until the client has gone
		_ = c.Close()
	})
	got, err := invoke(ctx, t, newClient(endpoint, newHTTPClient(t)))
	assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.MaybeExecuted}, got, err)
}

func TestCanceledInTheResult(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	endpoint := serve(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\":")
		_, _ = c.Read(make([]byte, 1))
		_ = c.Close()
	})
	httpClient := newHTTPClient(t)
	cancelsOnResponse := smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		defer cancel()
		return httpClient.Do(r)
	})
	got, err := invoke(ctx, t, newClient(endpoint, cancelsOnResponse))
	assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.Executed, Status: 200}, got, err)
}

// On the clock of a bubble a deadline passes exactly when everything else has come to rest.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	blackHole := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, server) }()
		return client, nil
	}
	unreachable := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	tests := map[string]struct {
		dial  func(context.Context, string, string) (net.Conn, error)
		ctx   time.Duration
		total time.Duration // http.Client.Timeout
		want  fault.Certainty
	}{
		"ctx while waiting":            {blackHole, time.Second, 0, fault.MaybeExecuted},
		"ctx while connecting":         {unreachable, time.Second, 0, fault.NotExecuted},
		"HTTP client while waiting":    {blackHole, time.Hour, time.Second, fault.MaybeExecuted},
		"HTTP client while connecting": {unreachable, time.Hour, time.Second, fault.NotExecuted},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.ctx)
				defer cancel()
				httpClient := newHTTPClient(t, func(tr *http.Transport) { tr.DialContext = tt.dial })
				httpClient.Timeout = tt.total
				got, err := invoke(ctx, t, newClient("http://lambda.test", httpClient))
				assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: tt.want}, got, err)
			})
		})
	}
}

// serveHTTP2 answers the first request of each connection with frames, once it was read to the end.
func serveHTTP2(t *testing.T, frames ...[]byte) (url string) {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	config := &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}}

	address := listen(t, func(raw net.Conn) {
		conn := tls.Server(raw, config)
		defer func() { _ = conn.Close() }()
		r := bufio.NewReader(conn)
		if _, err := r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
			return
		}
		_, _ = conn.Write(frame(4, 0)) // SETTINGS, all default

		const data, headers, endStream = 0, 1, 1
		for {
			head := make([]byte, 9)
			if _, err := io.ReadFull(r, head); err != nil {
				return
			}
			length := int(head[0])<<16 | int(binary.BigEndian.Uint16(head[1:]))
			if _, err := r.Discard(length); err != nil {
				return
			}
			if (head[3] == data || head[3] == headers) && head[4]&endStream != 0 {
				break
			}
		}
		for _, f := range frames {
			_, _ = conn.Write(f)
		}
		// Closed with something unread, the connection would be reset, and the frames might be lost.
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	})
	return "https://" + address
}

func frame(kind byte, stream uint32, payload ...byte) []byte {
	head := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, 0}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// resetStream is an RST_STREAM of the first stream (RFC 9113, section 6.4).
func resetStream(code uint32) []byte {
	return frame(3, 1, binary.BigEndian.AppendUint32(nil, code)...)
}

// goAway is a GOAWAY (RFC 9113, section 6.8).
func goAway(last, code uint32, debug string) []byte {
	payload := binary.BigEndian.AppendUint32(nil, last)
	payload = binary.BigEndian.AppendUint32(payload, code)
	return frame(7, 0, append(payload, debug...)...)
}
