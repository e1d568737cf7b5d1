package lambdabatch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// tune is the HTTP client that a config with the given one gets.
func tune(t *testing.T, client aws.HTTPClient, inFlight int) *awshttp.BuildableClient {
	t.Helper()
	got, ok := lambda.NewFromConfig(aws.Config{HTTPClient: client}, lambdabatch.TunedClient(inFlight)).Options().HTTPClient.(*awshttp.BuildableClient)
	require.True(t, ok)
	return got
}

func TestTunedClient(t *testing.T) {
	t.Parallel()
	client := tune(t, nil, 256)
	tr, d := client.GetTransport(), client.GetDialer()
	assert.Equal(t, 256, tr.MaxIdleConnsPerHost)
	assert.Equal(t, 256, tr.MaxIdleConns)
	assert.Equal(t, 2048, tr.MaxConnsPerHost)
	assert.True(t, tr.ForceAttemptHTTP2)
	assert.Equal(t, 15*time.Second, tr.HTTP2.SendPingTimeout)
	assert.Equal(t, 15*time.Second, tr.HTTP2.PingTimeout)
	assert.Equal(t, 10*time.Second, tr.TLSHandshakeTimeout)
	assert.Equal(t, 30*time.Second, d.Timeout)
	assert.Equal(t, 30*time.Second, d.KeepAlive)
	assert.NotNil(t, tr.Proxy)
	noTimeLimits(t, client)
}

func noTimeLimits(t *testing.T, client *awshttp.BuildableClient) {
	t.Helper()
	read, _ := client.GetReadTimeout()
	assert.Zero(t, read)
	assert.Zero(t, client.GetTimeout())
	assert.Zero(t, client.GetTransport().ResponseHeaderTimeout)
}

func TestTunedClientPool(t *testing.T) {
	t.Parallel()
	type pool struct{ idlePerHost, idle, perHost int }
	for name, tt := range map[string]struct {
		before   pool
		inFlight int
		want     pool
	}{
		"few":          {pool{10, 100, 2048}, 5, pool{10, 100, 2048}},
		"some":         {pool{10, 100, 2048}, 50, pool{50, 100, 2048}},
		"very many":    {pool{10, 100, 2048}, 5000, pool{5000, 5000, 5000}},
		"larger":       {pool{500, 600, 700}, 400, pool{500, 600, 700}},
		"unlimited":    {pool{10, 0, 0}, 5000, pool{5000, 0, 0}},
		"zero":         {pool{10, 100, 2048}, 0, pool{10, 100, 2048}},
		"less than it": {pool{10, 100, 2048}, -1, pool{10, 100, 2048}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := tune(t, awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
				tr.MaxIdleConnsPerHost, tr.MaxIdleConns, tr.MaxConnsPerHost = tt.before.idlePerHost, tt.before.idle, tt.before.perHost
			}), tt.inFlight).GetTransport()
			assert.Equal(t, tt.want, pool{tr.MaxIdleConnsPerHost, tr.MaxIdleConns, tr.MaxConnsPerHost})
		})
	}
}

func TestTunedClientKeepAlive(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(*net.Dialer)
		want time.Duration
	}{
		"the SDK's":     {func(*net.Dialer) {}, 30 * time.Second},
		"net's default": {func(d *net.Dialer) { d.KeepAlive = 0 }, 0},
		"sooner":        {func(d *net.Dialer) { d.KeepAlive = 5 * time.Second }, 5 * time.Second},
		"too late":      {func(d *net.Dialer) { d.KeepAlive = 5 * time.Minute }, 30 * time.Second},
		"off":           {func(d *net.Dialer) { d.KeepAlive = -1 }, 30 * time.Second},
		"configured too late": {func(d *net.Dialer) {
			d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: time.Hour}
		}, 30 * time.Second},
		"configured as the system has it": {func(d *net.Dialer) {
			d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: -1}
		}, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tune(t, awshttp.NewBuildableClient().WithDialerOptions(tt.set), 1).GetDialer()
			assert.Equal(t, tt.want, d.KeepAlive)
			assert.False(t, d.KeepAliveConfig.Enable)
		})
	}
	t.Run("configured", func(t *testing.T) {
		t.Parallel()
		own := net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 3}
		d := tune(t, awshttp.NewBuildableClient().WithDialerOptions(func(d *net.Dialer) { d.KeepAliveConfig = own }), 1).GetDialer()
		assert.Equal(t, own, d.KeepAliveConfig)
	})
}

func TestTunedClientKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	errDialed, authorities := errors.New("dialed"), x509.NewCertPool()
	proxy := &url.URL{Scheme: "http", Host: "proxy.test"}
	own := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = time.Second }).
		WithTransportOptions(func(tr *http.Transport) {
			tr.Proxy = http.ProxyURL(proxy)
			tr.TLSClientConfig.RootCAs = authorities
			tr.TLSHandshakeTimeout = 2 * time.Second
			tr.IdleConnTimeout = 3 * time.Second
			tr.HTTP2 = &http.HTTP2Config{SendPingTimeout: 4 * time.Second, MaxReadFrameSize: 1 << 20}
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errDialed }
		})
	client := tune(t, own, 100)
	tr := client.GetTransport()
	got, err := tr.Proxy(&http.Request{})
	require.NoError(t, err)
	assert.Equal(t, proxy, got)
	assert.Same(t, authorities, tr.TLSClientConfig.RootCAs)
	assert.Equal(t, 2*time.Second, tr.TLSHandshakeTimeout)
	assert.Equal(t, 3*time.Second, tr.IdleConnTimeout)
	assert.Equal(t, http.HTTP2Config{SendPingTimeout: 4 * time.Second, PingTimeout: 15 * time.Second, MaxReadFrameSize: 1 << 20}, *tr.HTTP2)
	_, err = tr.DialContext(t.Context(), "tcp", "lambda.test:443")
	require.ErrorIs(t, err, errDialed)
	assert.Equal(t, time.Second, client.GetDialer().Timeout)

	assert.Equal(t, 10, own.GetTransport().MaxIdleConnsPerHost, "it is a copy that was tuned")
	assert.Zero(t, own.GetTransport().HTTP2.PingTimeout)
}

func TestTunedClientTakesOffTimeLimits(t *testing.T) {
	t.Parallel()
	own := awshttp.NewBuildableClient().WithTimeout(time.Second).WithReadTimeout(time.Second).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = 0 }).
		WithTransportOptions(func(tr *http.Transport) { tr.ResponseHeaderTimeout, tr.TLSHandshakeTimeout = time.Second, 0 })
	client := tune(t, own, 1)
	noTimeLimits(t, client)
	assert.Equal(t, 30*time.Second, client.GetDialer().Timeout)
	assert.Equal(t, 10*time.Second, client.GetTransport().TLSHandshakeTimeout)
}

// recorded is an HTTP client of the user's.
type recorded struct{ requests []*http.Request }

func (c *recorded) Do(r *http.Request) (*http.Response, error) {
	c.requests = append(c.requests, r)
	return nil, errors.New("not sent")
}

func TestTunedClientOfAnotherHTTPClient(t *testing.T) {
	t.Parallel()
	own := &recorded{}
	client := lambda.NewFromConfig(aws.Config{Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, HTTPClient: own},
		lambdabatch.TunedClient(100), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	assert.Same(t, own, client.Options().HTTPClient)

	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(upper), Payload: []byte(`"hello"`)})
	var notSent *smithyhttp.RequestSendError
	require.ErrorAs(t, err, &notSent)
	require.Len(t, own.requests, 1)
	for range 2 {
		body, err := own.requests[0].GetBody()
		require.NoError(t, err)
		payload, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, `"hello"`, string(payload))
	}
}

// A hole is a connection that can become a black hole.
type hole struct {
	net.Conn
	black atomic.Bool
}

func (h *hole) Read(p []byte) (int, error) {
	for {
		n, err := h.Conn.Read(p)
		if err != nil || !h.black.Load() {
			return n, err
		}
	}
}

func (h *hole) Write(p []byte) (int, error) {
	if h.black.Load() {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

// pipes is a listener that is dialed in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// With the clock of a bubble the pings come to the second.
func TestDeadConnectionIsFoundInHalfAMinute(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLedger()
		s := newService(t)
		s.Handle(upper, lambdatest.PerRecord(l.run), lambdatest.Timeout(15*time.Minute))
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{
			Handler: s, ErrorLog: log.New(io.Discard, "", 0),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}},
		}
		go func() { _ = server.ServeTLS(listener, "", "") }()
		defer server.Close()
		var holes []*hole
		client := lambda.NewFromConfig(aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String("https://127.0.0.1"), Credentials: aws.AnonymousCredentials{},
			HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
				tr.TLSClientConfig.InsecureSkipVerify = true
				tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					h := &hole{Conn: far}
					holes = append(holes, h)
					listener.conns <- h
					return near, nil
				}
			}),
		}, lambdabatch.TunedClient(10))
		b := newBatcher(t, client, lambdabatch.WithLinger(0), lambdabatch.WithRetryUncertain(false))
		got, err := b.Do(t.Context(), "hello")
		require.NoError(t, err)
		assert.Equal(t, "HELLO", got)

		// An invocation may take as long as it likes: here too pings are all there is.
		release := l.hold()
		f := b.Submit(t.Context(), "slow")
		l.await(t, 1)
		time.Sleep(14 * time.Minute)
		release()
		_, err = f.Await(t.Context())
		require.NoError(t, err)

		release = l.hold()
		f = b.Submit(t.Context(), "hello")
		l.await(t, 1)
		holes[0].black.Store(true)
		release()
		_, err = f.Await(t.Context())
		require.ErrorContains(t, err, "client connection lost")
		assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		assert.Equal(t, 30*time.Second, f.Attempts()[0].Duration)
		got, err = b.Do(t.Context(), "hello")
		require.NoError(t, err)
		assert.Equal(t, "HELLO", got)
		assert.Len(t, holes, 2)
	})
}
