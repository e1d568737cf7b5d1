package lambdatest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.AccountConcurrency(1))
		ended := false
		s.Handle("f", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			time.Sleep(time.Millisecond)
			ended = true
			return nil, ctx.Err()
		}, lambdatest.Timeout(time.Hour))
		s.Fault(lambdatest.BlackHole(), lambdatest.Count(1))
		client := s.Client(once)
		for range 3 { // in the dark, running, waiting
			in := input(`{}`)
			if s.Counts().Requests == 2 {
				in = event(`{}`)
			}
			go func() {
				_, err := client.Invoke(t.Context(), in)
				if in.InvocationType == "" {
					assert.ErrorIs(t, err, syscall.ECONNRESET)
				}
			}()
			synctest.Wait()
		}
		assert.Equal(t, 1, s.InFlight())
		start := time.Now()
		s.Close()
		assert.True(t, ended)
		assert.Equal(t, time.Millisecond, time.Since(start))
		s.Close()
		synctest.Wait()
		assert.Equal(t, 3, s.Counts().Requests)
		assert.Equal(t, 1, s.Counts().Executed, "the event never ran")

		_, err := client.Invoke(t.Context(), input(`{}`))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = s.Listen("")
		require.Error(t, err)
	})
}

func TestCloseDuringLatency(t *testing.T) {
	t.Parallel()
	for name, effects := range map[string][]lambdatest.Effect{
		"before the function": {lambdatest.Latency(time.Hour)},
		"before a throttle":   {lambdatest.Latency(time.Hour), lambdatest.Throttle(callerRate)},
		"timeout":             {lambdatest.TimedOut()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				s.Handle("f", echo, lambdatest.Timeout(time.Hour))
				for _, e := range effects {
					s.Fault(e)
				}
				go func() {
					_, err := s.Client(once).Invoke(t.Context(), input(`{}`))
					assert.ErrorIs(t, err, syscall.ECONNRESET)
				}()
				synctest.Wait()
				start := time.Now()
				s.Close()
				assert.Zero(t, time.Since(start))
				synctest.Wait()
			})
		})
	}
}

func TestWaitForNothing(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	s.Wait()
	s.Close()
	s.Wait()
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.Handle("f", echo)
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.com:80", "127.0.0.1"} {
		_, err := s.Listen(addr)
		require.Error(t, err, addr)
		assert.Contains(t, err.Error(), fmt.Sprintf("lambdatest: Listen(%q): ", addr))
	}
	a, err := s.Listen("localhost:0")
	require.NoError(t, err)
	b, err := s.Listen("")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(b.URL, "http://127.0.0.1:"), b.URL)
	_, err = s.Listen(strings.TrimPrefix(b.URL, "http://"))
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	_, err = a.Client(once).Invoke(t.Context(), input(`{}`))
	require.NoError(t, err)
	a.Close()
	a.Close()
	_, err = a.Client(once).Invoke(t.Context(), input(`{}`))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = b.Client(once).Invoke(t.Context(), input(`{}`))
	require.NoError(t, err)
	s.Close()
	_, err = b.Client(once).Invoke(t.Context(), input(`{}`))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestServerOfYourOwn(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.Handle("f", echo)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/f/invocations", strings.NewReader(`{"a":1}`))
	s.ServeHTTP(w, r)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, `{"a":1}`, w.Body.String())
	assert.Equal(t, "7", w.Header().Get("Content-Length"))

	s.Fault(lambdatest.ResetBefore())
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { s.ServeHTTP(httptest.NewRecorder(), r) })
}

func TestCloseWhileThePortIsBusy(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	entered := make(chan struct{})
	s.Handle("f", func(ctx context.Context, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}, lambdatest.Timeout(time.Hour))
	server, err := s.Listen("")
	require.NoError(t, err)
	errs := make(chan error)
	go func() {
		_, err := server.Client(once).Invoke(t.Context(), input(`{}`))
		errs <- err
	}()
	<-entered
	s.Close()
	require.Error(t, <-errs)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for keep, want := range map[int]string{0: "", 3: "789"} {
			s := lambdatest.New(lambdatest.History(keep))
			s.Handle("f", echo)
			client := s.Client(once)
			for i := range 10 {
				_, err := client.Invoke(t.Context(), input(fmt.Sprint(i)))
				require.NoError(t, err)
			}
			var got string
			for _, inv := range s.Invocations() {
				got += string(inv.Payload)
			}
			assert.Equal(t, want, got)
			assert.Equal(t, 10, s.Counts().Requests)
			s.Close()
		}
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", busy(time.Second))
		for range 3 {
			go func() { _, _ = s.Client(once).Invoke(t.Context(), input("{}")) }()
		}
		synctest.Wait()
		inv := s.Invocations()
		require.Len(t, inv, 3)
		assert.Zero(t, inv[0].Status, "still running")
		assert.True(t, inv[0].Answered.IsZero())
		s.Reset()
		assert.Empty(t, s.Invocations())
		s.Wait()
		assert.Equal(t, lambdatest.Counts{Reasons: tally{}}, s.Counts())
		assert.Equal(t, 3, s.MaxInFlight())
	})
}

func TestHandleAgainChangesTheFunction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New()
		defer s.Close()
		client := s.Client(once)
		s.Handle("f", busy(time.Second))
		go func() {
			out, err := client.Invoke(t.Context(), input(`{}`))
			assert.NoError(t, err)
			assert.Equal(t, `"done"`, string(out.Payload))
		}()
		synctest.Wait()
		s.Handle("f", echo)
		out, err := client.Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
		assert.Equal(t, `{}`, string(out.Payload))
		s.Wait()
	})
}

func TestNonsensePanics(t *testing.T) {
	t.Parallel()
	s := lambdatest.New(lambdatest.AccountConcurrency(10))
	defer s.Close()
	s.Handle("vip", echo, lambdatest.Reserved(8))
	for want, f := range map[string]func(){
		"AccountConcurrency(-1): must not be negative":    func() { lambdatest.AccountConcurrency(-1) },
		"RequestRate(-1, 1): must not be negative":        func() { lambdatest.RequestRate(-1, 1) },
		"EventRate(1, -1): must not be negative":          func() { lambdatest.EventRate(1, -1) },
		"FunctionRate(-2, 1): must not be negative":       func() { lambdatest.FunctionRate(-2, 1) },
		"ScalingRate(-1, 1s): must not be negative":       func() { lambdatest.ScalingRate(-1, time.Second) },
		"ScalingRate(1, 0s): must not be negative":        func() { lambdatest.ScalingRate(1, 0) },
		"RoundTrip(-1ns): must not be negative":           func() { lambdatest.RoundTrip(-1) },
		"History(-1): must not be negative":               func() { lambdatest.History(-1) },
		"Reserved(-1): must not be negative":              func() { lambdatest.Reserved(-1) },
		"Timeout(0s): must be positive":                   func() { lambdatest.Timeout(0) },
		"Count(-1): must not be negative":                 func() { lambdatest.Count(-1) },
		"Skip(-1): must not be negative":                  func() { lambdatest.Skip(-1) },
		"When(nil)":                                       func() { lambdatest.When(nil) },
		"Status(200): not the status of an error":         func() { lambdatest.Status(200, "", "") },
		"ServerError(404): not the status of a server":    func() { lambdatest.ServerError(404, "") },
		"Fault: the zero Effect":                          func() { s.Fault(lambdatest.Effect{}) },
		"SetAccountConcurrency(-1): must not be negative": func() { s.SetAccountConcurrency(-1) },
		"SetRequestRate(-1, 0): must not be negative":     func() { s.SetRequestRate(-1, 0) },
		`Handle("a:b"): not a function name`:              func() { s.Handle("a:b", echo) },
		`Handle("f"): nil Function`:                       func() { s.Handle("f", nil) },
		`Handle("f"): Reserved(3) makes 11 reserved of an account concurrency of 10`: func() {
			s.Handle("f", echo, lambdatest.Reserved(3))
		},
	} {
		func() {
			defer func() {
				got, _ := recover().(string)
				assert.True(t, strings.HasPrefix(got, "lambdatest: "+want), "%q, want %q", got, want)
			}()
			f()
		}()
	}
	s.Handle("vip", echo, lambdatest.Reserved(10)) // in place of the 8
}

func TestFunctionsRunInParallelWithTheService(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, connect connect) {
		s := lambdatest.New()
		defer s.Close()
		s.Handle("f", func(context.Context, []byte) ([]byte, error) {
			if s.InFlight() == 0 || s.Counts().Requests == 0 { // may use the service
				return nil, errors.New("not in flight")
			}
			return nil, nil
		})
		assert.Equal(t, tally{"": 200}, reasons(t, connect(t, s), "f", 200))
		assert.Equal(t, 200, s.Counts().Executed)
		for _, inv := range s.Invocations() {
			assert.Empty(t, inv.FunctionError)
		}
	})
}

func TestPayloadSizes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.PayloadSizes(10, 5, 8))
		defer s.Close()
		s.Handle("f", echo)
		for _, tt := range []struct {
			in   *lambda.InvokeInput
			says string
		}{
			{input(`"3456789"`), "maximum allowed payload size (8 bytes)"},
			{input(`"34567890A"`), "too large for the RequestResponse invocation type (limit 10 bytes)"},
			{event(`"3456"`), "too large for the Event invocation type (limit 5 bytes)"},
		} {
			out, err := s.Client(once).Invoke(t.Context(), tt.in)
			if err == nil {
				require.NotNil(t, out.FunctionError)
				require.Contains(t, string(out.Payload), tt.says)
			} else {
				require.ErrorContains(t, err, tt.says)
			}
		}
		_, err := s.Client(once).Invoke(t.Context(), input(`"34567"`))
		require.NoError(t, err)
	})
}
