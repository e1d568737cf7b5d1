package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/handler"
)

// shout is the function of most tests.
func shout(ctx context.Context, in string) (string, error) {
	switch {
	case strings.HasPrefix(in, "no"):
		return "", errors.New("I'd rather not")
	case strings.HasPrefix(in, "later"):
		return "", handler.RetryAfter(1500*time.Microsecond, os.ErrNotExist)
	case strings.HasPrefix(in, "never"):
		return "", handler.Permanent(fmt.Errorf("really: %w", handler.RetryAfter(time.Second, os.ErrNotExist)))
	case strings.HasPrefix(in, "panic"):
		panic("no <more>")
	case strings.HasPrefix(in, "exit"):
		runtime.Goexit()
	case strings.HasPrefix(in, "slow"):
		<-ctx.Done()
		return "", fmt.Errorf("waiting: %w", ctx.Err())
	case strings.HasPrefix(in, "deaf"):
		time.Sleep(time.Hour)
	}
	return strings.ToUpper(in) + handler.ID(ctx), nil
}

func quiet() handler.Option { return handler.Logger(slog.New(slog.DiscardHandler)) }

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ request, response string }{
		{`{"records":[]}`, `{"results":[]}`},
		{`{"records":[{"id":"1","data":"a"}]}`, `{"results":[{"id":"1","status":"success","data":"A1"}]}`},
		{
			` { "more" : [ ] , "records" : [ { "data" : "<&>" , "id" : "\u0031\"" , "more" : { } } ] } `,
			`{"results":[{"id":"\u0031\"","status":"success","data":"<&>1\""}]}`,
		},
		{
			`{"records":[{"id":"1","data":"no"},{"id":"2","data":"later"},{"id":"3","data":"never"},{"id":"4","data":"b"}]}`,
			`{"results":[{"id":"1","status":"failure","error":{"type":"errorString","message":"I'd rather not"}},` +
				`{"id":"2","status":"retry","retryAfterMs":2,"error":{"type":"errorString","message":"file does not exist"}},` +
				`{"id":"3","status":"failure","error":{"type":"errorString","message":"really: file does not exist"}},` +
				`{"id":"4","status":"success","data":"B4"}]}`,
		},
		{
			`{"records":[{"id":"1","data":"panic"},{"id":"2","data":"exit"},{"id":"3","data":7},{"id":"4","data":"b"}]}`,
			`{"results":[{"id":"1","status":"failure","error":{"type":"Panic","message":"panic: no \u003cmore\u003e"}},` +
				`{"id":"2","status":"failure","error":{"type":"Exited","message":"runtime.Goexit was called"}},` +
				`{"id":"3","status":"failure","error":{"type":"InvalidRecord","message":"the record cannot be decoded: json: cannot unmarshal number into Go value of type string"}},` +
				`{"id":"4","status":"success","data":"B4"}]}`,
		},
		{`{"records":[{"id":"1","data":"a"},{"id":"1","data":"b"}]}`, `{"results":[{"id":"1","status":"success","data":"A1"},{"id":"1","status":"success","data":"B1"}]}`},
	} {
		for _, workers := range []int{1, 3} {
			response, err := handler.New(shout, handler.Concurrency(workers), quiet()).Invoke(t.Context(), []byte(test.request))
			require.NoError(t, err)
			assert.Equal(t, test.response, string(response))
		}
	}
}

func TestSQS(t *testing.T) {
	t.Parallel()
	message := func(id, body, arn, group string) string {
		return fmt.Sprintf(`{"messageId":%q,"receiptHandle":"r","body":%q,"attributes":{"MessageGroupId":%q},"messageAttributes":{},`+
			`"md5OfBody":"m","eventSource":"aws:sqs","eventSourceARN":%q,"awsRegion":"us-east-1"}`, id, body, group, arn)
	}
	event := func(messages ...string) string { return `{"Records":[` + strings.Join(messages, ",") + `]}` }
	const queue, fifo = "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sqs:us-east-1:123456789012:q.fifo"
	for _, test := range []struct{ request, response string }{
		{event(), `{"batchItemFailures":[]}`},
		{event(message("1", "a", queue, "")), `{"batchItemFailures":[]}`},
		{
			event(message("1", "no", queue, ""), message("2", "a", queue, ""), message("3", "later", queue, ""), message("4", "never", queue, "")),
			`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"3"},{"itemIdentifier":"4"}]}`,
		},
		{ // the order of a group is kept: what comes after a failure waits
			event(message("1", "a", fifo, "x"), message("2", "no", fifo, "x"), message("3", "a", fifo, "y"), message("4", "a", fifo, "x"), message("5", "a", queue, "")),
			`{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"4"}]}`,
		},
		{
			event(message("1", "exit", fifo, "x"), message("2", "a", fifo, "x")),
			`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`,
		},
	} {
		response, err := handler.New(shout, quiet()).Invoke(t.Context(), []byte(test.request))
		require.NoError(t, err)
		assert.Equal(t, test.response, string(response))
	}
}

// What is in the body of an SQS message is read in the way in which it is meant.
func TestBodies(t *testing.T) {
	t.Parallel()
	event := func(body string) []byte {
		payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "1", "body": body, "eventSource": "aws:sqs"}}})
		require.NoError(t, err)
		return payload
	}
	invoke := func(h *handler.Handler, body string) {
		t.Helper()
		response, err := h.Invoke(t.Context(), event(body))
		require.NoError(t, err)
		assert.JSONEq(t, `{"batchItemFailures":[]}`, string(response), body)
	}
	var text string
	texts := handler.New(func(_ context.Context, in string) (int, error) { text = in; return 0, nil })
	for _, body := range []string{"", "plain", `{"a":1}`, `"quoted"`, "1"} {
		invoke(texts, body)
		assert.Equal(t, body, text)
	}
	var raw string
	raws := handler.New(func(_ context.Context, in json.RawMessage) (int, error) { raw = string(in); return 0, nil })
	invoke(raws, `{"a":1}`)
	assert.Equal(t, `{"a":1}`, raw)
	invoke(raws, `a "b"`)
	assert.Equal(t, `"a \"b\""`, raw)
	var at time.Time
	invoke(handler.New(func(_ context.Context, in time.Time) (int, error) { at = in; return 0, nil }), "2026-01-02T03:04:05Z")
	assert.Equal(t, 2026, at.Year())
}

func TestArrayAndSingle(t *testing.T) {
	t.Parallel()
	h := handler.New(shout, quiet())
	for request, want := range map[string]string{
		`[]`: `[]`, `["a","b"]`: `["A","B"]`, `"a"`: `"A"`,
	} {
		response, err := h.Invoke(t.Context(), []byte(request))
		require.NoError(t, err)
		assert.Equal(t, want, string(response))
	}
	for request, want := range map[string]string{
		`["a","no","later"]`: "record 1: I'd rather not\nrecord 2: file does not exist",
		`["no"]`:             "I'd rather not",
		`"no"`:               "I'd rather not",
		`"panic"`:            "panic: no <more>",
		`7`:                  "the record cannot be decoded: json: cannot unmarshal number into Go value of type string",
	} {
		_, err := h.Invoke(t.Context(), []byte(request))
		require.EqualError(t, err, want, request)
	}
	_, err := h.Invoke(t.Context(), []byte(`"later"`))
	assert.Same(t, os.ErrNotExist, err, "not what RetryAfter has made of it: the runtime names its type")
}

func TestWhatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	h := handler.New(func(context.Context, json.RawMessage) (int, error) { return 0, nil })
	for request, want := range map[string]string{
		``:                       "handler: the payload is not JSON",
		`{"records":[`:           "handler: the payload has records, but they cannot be understood: ",
		`{"records":[1]}`:        "record 0 has no id of type string, or no data",
		`{"records":[{"id":1}]}`: "record 0 has no id of type string, or no data",
		`{"records":[{"id":"1","data":1},{"id":"2"}]}`:                 "record 1 has no id",
		`{"Records":[{"eventSource":"aws:s3"}]}`:                       `handler: record 0 is of the event source "aws:s3"`,
		`{"Records":7}`:                                                "not those of an SQS event",
		`{"Records":[{"eventSource":"aws:sqs","body":"a"}]}`:           "no messageId or no body",
		`{"Records":[{"eventSource":"aws:sqs","messageId":"a"}]}`:      "no messageId or no body",
		`{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0"}]}`: `the event source "aws:sns"`,
	} {
		_, err := h.Invoke(t.Context(), []byte(request))
		require.ErrorContains(t, err, want, request)
	}
	for _, request := range []string{
		`{"records":7}`, `{"records":null}`, `{"eventSource":"aws:kafka","records":{"orders-0":[]}}`, `{"eventSource":"aws:mq","messages":[]}`,
		`{"version":"0","detail-type":"OrderPlaced","detail":{}}`, `{"version":"2.0","requestContext":{}}`, `null`, `{"Records":null}`,
	} {
		_, err := h.Invoke(t.Context(), []byte(request))
		require.ErrorContains(t, err, "handler: the payload", request)
	}
	_, err := h.Invoke(t.Context(), []byte(`{}`))
	require.NoError(t, err, "a single value may be empty")
}

// A slow record costs itself, not the batch.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		options []handler.Option
		after   time.Duration
	}{
		"default":       {10 * time.Second, nil, 9500 * time.Millisecond},
		"margin":        {10 * time.Second, []handler.Option{handler.DeadlineMargin(time.Second)}, 9 * time.Second},
		"little time":   {400 * time.Millisecond, nil, 200 * time.Millisecond},
		"no margin":     {10 * time.Second, []handler.Option{handler.DeadlineMargin(0)}, 10 * time.Second},
		"one at a time": {10 * time.Second, []handler.Option{handler.Concurrency(1)}, 9500 * time.Millisecond},
	} {
		for _, slow := range []string{"slow", "deaf"} {
			t.Run(name+" "+slow, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
					defer cancel()
					h := handler.New(shout, append([]handler.Option{handler.Concurrency(4)}, test.options...)...)
					start := time.Now()
					response, err := h.Invoke(ctx, []byte(`{"records":[{"id":"1","data":"a"},{"id":"2","data":"`+slow+`"},{"id":"3","data":"b"}]}`))
					require.NoError(t, err)
					assert.Equal(t, test.after, time.Since(start))
					var got struct{ Results []struct{ ID, Status string } }
					require.NoError(t, json.Unmarshal(response, &got))
					want := "success retry success"
					if name == "one at a time" {
						want = "success retry retry"
					}
					assert.Equal(t, want, got.Results[0].Status+" "+got.Results[1].Status+" "+got.Results[2].Status)
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// Permanent means it, also when the time was over.
func TestPermanentBeatsTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		h := handler.New(func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, handler.Permanent(ctx.Err())
		}, handler.DeadlineMargin(0))
		response, err := h.Invoke(ctx, []byte(`{"records":[{"id":"1","data":1}]}`))
		require.NoError(t, err)
		assert.Contains(t, []string{
			`{"results":[{"id":"1","status":"failure","error":{"type":"deadlineExceededError","message":"context deadline exceeded"}}]}`,
			`{"results":[{"id":"1","status":"retry","error":{"type":"Unfinished","message":"unfinished when the function's time was over"}}]}`,
		}, string(response), "the one if it came in time, the other if not")
	})
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 100} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int32
			h := handler.New(func(context.Context, int) (int, error) {
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				return 0, nil
			}, handler.Concurrency(n))
			_, err := h.Invoke(t.Context(), []byte("["+strings.Repeat("1,", 29)+"1]"))
			require.NoError(t, err)
			assert.Equal(t, int32(min(n, 30)), most.Load())
		})
	}
}

// What does not fit into a response is asked for again; what never does, fails.
func TestResponseTooLarge(t *testing.T) {
	t.Parallel()
	const limit = 6<<20 + 100
	h := handler.New(func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n), nil })
	sizes := func(n ...int) []byte {
		var records []string
		for i, size := range n {
			records = append(records, fmt.Sprintf(`{"id":"%d","data":%d}`, i, size))
		}
		return []byte(`{"records":[` + strings.Join(records, ",") + `]}`)
	}
	statuses := func(n ...int) string {
		response, err := h.Invoke(t.Context(), sizes(n...))
		require.NoError(t, err)
		assert.LessOrEqual(t, len(response), limit)
		var got struct{ Results []struct{ Status string } }
		require.NoError(t, json.Unmarshal(response, &got))
		all := make([]string, len(got.Results))
		for i, r := range got.Results {
			all[i] = r.Status
		}
		return strings.Join(all, " ")
	}
	assert.Equal(t, "success retry success", statuses(4<<20, 4<<20, 1<<20))
	assert.Equal(t, "success failure success", statuses(10, 7<<20, 10))
	alone := limit - len(`{"results":[{"id":"0","status":"success","data":""}]}`)
	assert.Equal(t, "success", statuses(alone))
	assert.Equal(t, "failure", statuses(alone+1))
	_, err := h.Invoke(t.Context(), fmt.Appendf(nil, "[%d]", limit))
	require.ErrorContains(t, err, "larger than a response may be")
}

func TestNewBatch(t *testing.T) {
	t.Parallel()
	type in = handler.Record[string]
	type out = handler.Result[string]
	h := handler.NewBatch(func(ctx context.Context, records []in) ([]out, error) {
		results := make([]out, len(records))
		for i, r := range records {
			switch r.Data {
			case "crash":
				return nil, errors.New("crashed")
			case "panic":
				panic("no")
			case "exit":
				runtime.Goexit()
			case "short":
				return results[1:], nil
			case "slow":
				<-ctx.Done()
				return nil, ctx.Err()
			case "deaf":
				time.Sleep(time.Hour)
			}
			results[i].Value, results[i].Err = shout(ctx, r.Data)
			results[i].Value += r.ID
		}
		return results, nil
	}, quiet())
	for request, want := range map[string]string{
		`{"records":[]}`: `{"results":[]}`,
		`["a","b"]`:      `["A","B"]`,
		`"a"`:            `"A"`,
		`["a","short"]`:  "handler: the function returned 1 results for 2 records",
		`["a","crash"]`:  "crashed",
		`["a","panic"]`:  "panic: no",
		`["a","exit"]`:   "runtime.Goexit was called",
		`{"records":[{"id":"1","data":"a"},{"id":"2","data":7},{"id":"3","data":"later"}]}`: `{"results":[{"id":"1","status":"success","data":"A1"},` +
			`{"id":"2","status":"failure","error":{"type":"InvalidRecord","message":"the record cannot be decoded: json: cannot unmarshal number into Go value of type string"}},` +
			`{"id":"3","status":"retry","retryAfterMs":2,"error":{"type":"errorString","message":"file does not exist"}}]}`,
		`{"records":[{"id":"2","data":7}]}`: `{"results":[` +
			`{"id":"2","status":"failure","error":{"type":"InvalidRecord","message":"the record cannot be decoded: json: cannot unmarshal number into Go value of type string"}}]}`,
	} {
		response, err := h.Invoke(t.Context(), []byte(request))
		if err != nil {
			response = []byte(err.Error())
		}
		assert.Equal(t, want, string(response), request)
	}
	for _, slow := range []string{"slow", "deaf"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := h.Invoke(ctx, []byte(`{"records":[{"id":"1","data":"a"},{"id":"2","data":"`+slow+`"}]}`))
			require.Error(t, err)
			assert.Equal(t, 59500*time.Millisecond, time.Since(start))
			time.Sleep(2 * time.Hour)
		})
	}
}

func TestPanicIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var mu sync.Mutex
	h := handler.New(shout, handler.Logger(slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), nil))))
	_, err := h.Invoke(t.Context(), []byte(`{"records":[{"id":"17","data":"panic"}]}`))
	require.NoError(t, err)
	assert.Contains(t, log.String(), "id=17")
	assert.Contains(t, log.String(), "handler_test.go")
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestNonsensePanics(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "handler: Concurrency(0): must be at least 1", func() { handler.Concurrency(0) })
	assert.PanicsWithValue(t, "handler: DeadlineMargin(-1s): must not be negative", func() { handler.DeadlineMargin(-time.Second) })
	assert.Panics(t, func() { handler.Logger(nil) })
	assert.Panics(t, func() { handler.New[int, int](nil) })
	assert.Panics(t, func() { handler.NewBatch[int, int](nil) })
}

func TestNilErrorsStayNil(t *testing.T) {
	t.Parallel()
	require.NoError(t, handler.Permanent(nil))
	require.NoError(t, handler.RetryAfter(time.Second, nil))
	require.ErrorIs(t, handler.Permanent(os.ErrExist), os.ErrExist)
	require.ErrorIs(t, handler.RetryAfter(0, os.ErrExist), os.ErrExist)
	assert.Empty(t, handler.ID(t.Context()))
}
