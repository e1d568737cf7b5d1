package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestPerRecord(t *testing.T) {
	t.Parallel()
	f := lambdatest.PerRecord(func(ctx context.Context, id string, data json.RawMessage) (any, error) {
		if _, ok := lambdatest.FromContext(ctx); !ok {
			return nil, errors.New("no invocation")
		}
		time.Sleep(time.Second)
		switch id {
		case "fails":
			return nil, orderError{3}
		case "later":
			return nil, fmt.Errorf("busy: %w", lambdatest.RetryAfter(200*time.Millisecond+1))
		case "panics":
			panic("ouch")
		case "odd":
			return func() {}, nil
		case "null":
			return nil, nil
		}
		return data, nil
	})
	tests := []struct {
		name, payload, want string
		failure             string
	}{
		{
			name: "all kinds", payload: `{"records":[{"id":"1","data":{"a":1}},{"id":"fails","data":2},{"id":"later"},{"id":"null"}]}`,
			want: `{"results":[
				{"id":"1","status":"success","data":{"a":1}},
				{"id":"fails","status":"failure","error":{"type":"orderError","message":"order 3"}},
				{"id":"later","status":"retry","retryAfterMs":201},
				{"id":"null","status":"success","data":null}]}`,
		},
		{
			name: "no JSON value", payload: `{"records":[{"id":"odd","data":0}]}`,
			want: `{"results":[{"id":"odd","status":"failure","error":{"type":"UnsupportedTypeError","message":"json: unsupported type: func()"}}]}`,
		},
		{name: "none", payload: `{"records":[]}`, want: `{"results":[]}`},
		{name: "panic", payload: `{"records":[{"id":"1"},{"id":"panics"}]}`, failure: "string"},
		{name: "other form", payload: `{"Records":null}`, failure: "errorString"},
		{name: "not an object", payload: `[1]`, failure: "UnmarshalTypeError"},
		{
			name: "timeout", payload: `{"records":[{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"},{"id":"5"},{"id":"6"}]}`,
			failure: "Sandbox.Timedout",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := lambdatest.New()
				defer s.Close()
				s.Handle("f", f, lambdatest.Timeout(5*time.Second))
				start := time.Now()
				out, err := s.Client(once).Invoke(t.Context(), input(tt.payload))
				require.NoError(t, err)
				if tt.failure != "" {
					assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
					assert.Equal(t, tt.failure, object(t, out.Payload)["errorType"])
					return
				}
				assert.Nil(t, out.FunctionError)
				assert.JSONEq(t, tt.want, string(out.Payload))
				inv := s.Invocations()[0]
				assert.Equal(t, time.Duration(len(inv.Records()))*time.Second, time.Since(start), "one after the other")
			})
		})
	}
}

func TestRecordsOfOtherPayloads(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{``, `null`, `{}`, `[]`, `{"records":{}}`, `"text"`, `{"records":[1]}`} {
		r := lambdatest.Request{Payload: []byte(payload)}
		assert.Nil(t, r.Records(), payload)
	}
	r := lambdatest.Request{Payload: []byte(`{"records":[]}`)}
	assert.NotNil(t, r.Records())
	assert.Empty(t, r.Records())
}
