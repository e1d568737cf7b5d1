package lambdabatch_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

const upper = "upper" // the function of most tests

// shout is a function that answers each record with its text in upper case.
func shout(_ context.Context, _ string, data json.RawMessage) (any, error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, err
	}
	return strings.ToUpper(text), nil
}

// newService is a Lambda with the function upper.
func newService(t *testing.T, opts ...lambdatest.Option) *lambdatest.Service {
	t.Helper()
	s := lambdatest.New(opts...)
	t.Cleanup(s.Close)
	s.Handle(upper, lambdatest.PerRecord(shout))
	return s
}

// newBatcher is a Batcher of the function upper that is closed with the test. Its
// limiter limits nothing, unless an option says otherwise.
func newBatcher(t *testing.T, client lambdabatch.Invoker, opts ...lambdabatch.Option) *lambdabatch.Batcher[string, string] {
	t.Helper()
	opts = append([]lambdabatch.Option{lambdabatch.WithLimiter(newLimiter(t))}, opts...)
	b, err := lambdabatch.New[string, string](client, upper, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// newLimiter is a limiter that does not adapt.
func newLimiter(t *testing.T, opts ...lambdabatch.LimiterOption) *lambdabatch.AdaptiveLimiter {
	t.Helper()
	l, err := lambdabatch.NewLimiter(append(opts, lambdabatch.Fixed())...)
	require.NoError(t, err)
	return l
}

// sizes are the records of each invocation that was seen.
func sizes(s *lambdatest.Service) []int {
	var n []int
	for _, i := range s.Invocations() {
		n = append(n, len(i.Records()))
	}
	return n
}

// instants are when each invocation came, after start.
func instants(s *lambdatest.Service, start time.Time) []time.Duration {
	var at []time.Duration
	for _, i := range s.Invocations() {
		at = append(at, i.At.Sub(start))
	}
	return at
}

// reasons are why each batch was sealed.
type reasons struct {
	mu  sync.Mutex
	all []lambdabatch.SealReason
}

func (r *reasons) hook() lambdabatch.Option {
	return lambdabatch.WithHooks(lambdabatch.Hooks{Sealed: func(e lambdabatch.SealedEvent) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, e.Reason)
	}})
}

func (r *reasons) seen() []lambdabatch.SealReason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// bubble runs f as a subtest's body in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// texts are n short records.
func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "text " + string(rune('a'+i%26))
	}
	return all
}

// uppers are the values of texts.
func uppers(texts []string) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = strings.ToUpper(text)
	}
	return all
}

func values(texts []string) iter.Seq[string] { return slices.Values(texts) }

// texto is the text that a record's data is.
func texto(data json.RawMessage) string {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err.Error()
	}
	return text
}

type perRecord = func(context.Context, string, json.RawMessage) (any, error)

// slow is a function that takes d for each batch.
func slow(f perRecord, d time.Duration) lambdatest.Function {
	fast := lambdatest.PerRecord(f)
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		time.Sleep(d)
		return fast(ctx, payload)
	}
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// invoker is an Invoker that is not the SDK.
type invoker func(*lambda.InvokeInput) (*lambda.InvokeOutput, error)

func (f invoker) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	return f(in)
}
