package lambdatest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestTimeoutIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(1))
		defer s.Close()
		s.Handle("deaf", busy(10*time.Second))
		s.Handle("polite", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		s.Handle("just", busy(3*time.Second))
		s.Handle("inTime", busy(3*time.Second-1))
		client := s.Client(once)
		for _, name := range []string{"deaf", "polite", "just"} {
			start := time.Now()
			out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, LogType: types.LogTypeTail})
			require.NoError(t, err)
			assert.Equal(t, 3*time.Second, time.Since(start), name)
			assert.Equal(t, "Sandbox.Timedout", object(t, out.Payload)["errorType"], name)
			assert.Zero(t, s.InFlight(), "its environment is free, though it may still run")
		}
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("inTime")})
		require.NoError(t, err)
		assert.Equal(t, `"done"`, string(out.Payload))
		for _, inv := range s.Invocations()[:3] {
			assert.Equal(t, 3*time.Second, inv.Duration)
			assert.Equal(t, inv.At.Add(3*time.Second), inv.Answered)
		}
	})
}

func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(1))
		defer s.Close()
		s.Handle("f", busy(2*time.Second))
		client := s.Client(once)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Invoke(ctx, input(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var canceled *smithy.CanceledError
		require.ErrorAs(t, err, &canceled)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 1, s.InFlight(), "the function runs on")
		assert.Equal(t, tally{accountConcurrency: 1}, reasons(t, client, "f", 1))
		s.Wait()
		assert.Equal(t, 2*time.Second, time.Since(start))
		inv := s.Invocations()[0]
		assert.Equal(t, 2*time.Second, inv.Duration)
		assert.Equal(t, 200, inv.Status)
		assert.Equal(t, `"done"`, string(inv.Response))

		_, err = client.Invoke(ctx, input(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 2, s.Counts().Requests, "a context that has ended sends nothing")
	})
}

func TestClientGoesAwayFromPort(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	entered, leave := make(chan struct{}), make(chan struct{})
	s.Handle("f", func(context.Context, []byte) ([]byte, error) {
		close(entered)
		<-leave
		return nil, nil
	})
	server, err := s.Listen("")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, err = server.Client(once).Invoke(ctx, input(`{}`))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, s.InFlight())
	server.Close() // does not wait for the function
	close(leave)
	s.Wait()
	assert.True(t, s.Invocations()[0].Executed)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RoundTrip(10 * time.Millisecond))
		defer s.Close()
		s.Handle("f", busy(time.Second))
		client := s.Client(once)
		start := time.Now()
		_, err := client.Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		assert.Equal(t, 1010*time.Millisecond, time.Since(start))
		inv := s.Invocations()[0]
		assert.Equal(t, start.Add(5*time.Millisecond), inv.At)
		assert.Equal(t, time.Second, inv.Duration)
		assert.Equal(t, start.Add(1005*time.Millisecond), inv.Answered)

		hooks, ctx := traced(t.Context())
		ctx, cancel := context.WithTimeout(ctx, 3*time.Millisecond)
		defer cancel()
		_, err = client.Invoke(ctx, input(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "GetConn lambda.us-east-1.amazonaws.com:443", hooks.String(), "it was never sent")
		s.Wait()
		assert.Equal(t, 1, s.Counts().Requests)
	})
}

// A recorder of httptrace hooks.
type recorder struct {
	mu    sync.Mutex
	fired []string
}

func (r *recorder) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fired = append(r.fired, name)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.fired, " ")
}

func traced(ctx context.Context) (*recorder, context.Context) {
	r := &recorder{}
	return r, httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(hostPort string) { r.add("GetConn " + hostPort) },
		GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused {
				r.add("Reused")
			}
			r.add("GotConn " + info.Conn.RemoteAddr().String())
		},
		WroteHeaders:         func() { r.add("WroteHeaders") },
		WroteRequest:         func(httptrace.WroteRequestInfo) { r.add("WroteRequest") },
		GotFirstResponseByte: func() { r.add("GotFirstResponseByte") },
	})
}

func TestHooks(t *testing.T) {
	t.Parallel()
	const (
		get  = "GetConn lambda.us-east-1.amazonaws.com:443"
		sent = get + " GotConn 127.0.0.1:443 WroteHeaders WroteRequest"
		all  = sent + " GotFirstResponseByte"
	)
	tests := []struct {
		name   string
		effect lambdatest.Effect
		want   string
	}{
		{"answer", lambdatest.Latency(0), all},
		{"throttle", lambdatest.Throttle(callerRate), all},
		{"truncated", lambdatest.Truncated(), all},
		{"refused", lambdatest.ConnectionRefused(), get},
		{"reset before", lambdatest.ResetBefore(), sent},
		{"reset after", lambdatest.ResetAfter(), sent},
		{"black hole", lambdatest.BlackHole(), sent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", echo)
				s.Fault(tt.effect, lambdatest.Count(1))
				client := s.Client(once)
				hooks, ctx := traced(t.Context())
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_, _ = client.Invoke(ctx, input(`{}`))
				assert.Equal(t, tt.want, hooks.String())
				if tt.want != get {
					hooks, ctx = traced(t.Context())
					_, err := client.Invoke(ctx, input(`{}`))
					require.NoError(t, err)
					assert.Contains(t, hooks.String(), "Reused GotConn")
				}
			})
		})
	}
}

func TestHooksFireWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", busy(time.Second))
		hooks, ctx := traced(t.Context())
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := s.Client(once).Invoke(ctx, input(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Contains(t, hooks.String(), "WroteRequest")
		assert.NotContains(t, hooks.String(), "GotFirstResponseByte")
	})
}

func TestSDKRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", echo)
		s.Fault(lambdatest.Throttle(callerRate), lambdatest.Count(1))
		s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
		out, err := s.Client().Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		assert.Equal(t, `{}`, string(out.Payload))
		assert.Equal(t, 3, s.Counts().Requests)
		assert.Equal(t, 2, s.Counts().Executed, "the SDK calls again what it lost the answer of")
	})
}

func TestHTTPClientForAnyConfig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", echo)
		client := lambda.NewFromConfig(aws.Config{
			Region: "eu-central-1", HTTPClient: s.HTTPClient(),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
			}),
		})
		_, err := client.Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		assert.Contains(t, s.Invocations()[0].Header.Get("Authorization"), "AWS4-HMAC-SHA256")

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:1234/", http.NoBody)
		require.NoError(t, err)
		resp, err := s.HTTPClient().Do(req)
		require.NoError(t, err)
		assert.Equal(t, "404 Not Found", resp.Status)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Contains(t, string(body), "no operation has the route GET /")
		assert.Equal(t, int64(len(body)), resp.ContentLength)
	})
}
