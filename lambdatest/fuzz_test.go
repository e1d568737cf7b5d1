package lambdatest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// FuzzServeHTTP sends what no SDK would send. Every answer must be one that the SDK can read.
func FuzzServeHTTP(f *testing.F) {
	f.Add("f", "live", "RequestResponse", "", "", []byte(`{"records":[{"id":"1","data":null}]}`))
	f.Add("arn:aws:lambda:us-east-1:123456789012:function:f:1", "", "Event", "blue", "e30=", []byte(nil))
	f.Add("123456789012:function:f", "$LATEST", "DryRun", "", "{}", []byte(`{`))
	f.Add("a/b%2Fc", "\x00", "sometimes", "?", "\n", []byte("\xff"))
	s := lambdatest.New(lambdatest.History(0))
	f.Cleanup(s.Close)
	s.Handle("f", lambdatest.PerRecord(pass))
	f.Fuzz(func(t *testing.T, name, qualifier, kind, tenant, clientContext string, payload []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(payload))
		r.URL = &url.URL{
			Path:     "/2015-03-31/functions/" + name + "/invocations",
			RawPath:  "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations",
			RawQuery: url.Values{"Qualifier": {qualifier}}.Encode(),
		}
		r.Header.Set("X-Amz-Invocation-Type", kind)
		r.Header.Set("X-Amz-Tenant-Id", tenant)
		r.Header.Set("X-Amz-Client-Context", clientContext)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusAccepted || w.Code == http.StatusNoContent:
			if w.Body.Len() > 0 {
				t.Errorf("%d has a body: %s", w.Code, w.Body)
			}
		case !json.Valid(w.Body.Bytes()):
			t.Errorf("%d is not JSON: %s", w.Code, w.Body)
		case w.Code >= 400 && w.Header().Get("X-Amzn-Errortype") == "":
			t.Errorf("%d has no error type", w.Code)
		}
		if w.Header().Get("X-Amzn-Requestid") == "" {
			t.Error("no request ID")
		}
	})
}

func pass(_ context.Context, _ string, data json.RawMessage) (any, error) { return data, nil }

// BenchmarkInvoke is one call of the SDK in memory.
func BenchmarkInvoke(b *testing.B) {
	s := lambdatest.New(lambdatest.History(0), lambdatest.RequestRate(math.Inf(1), 0))
	defer s.Close()
	s.Handle("f", echo)
	client := s.Client(once)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Invoke(b.Context(), input(`{}`)); err != nil {
			b.Fatal(err)
		}
	}
}
