package sqsbatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

const (
	function          = "upper"
	invocationTimeout = 20 * time.Second
)

// bubble runs f as a subtest's body in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// world is SQS, Lambda, and what a result function has written.
type world struct {
	sqs    *sqstest.Service
	lambda *lambdatest.Service

	mu      sync.Mutex // protects following
	order   []string   // bodies with a value, in the order in which they were written
	values  map[string][]string
	errs    map[string][]error
	failing func(body string) error // what the result function returns
}

// newWorld has the function upper: it takes a while, refuses "bad", crashes on "crash", asks for "again…" twice more, and answers the others in upper case.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{sqs: sqstest.New(), lambda: lambdatest.New(), values: map[string][]string{}, errs: map[string][]error{}}
	t.Cleanup(w.sqs.Close)
	t.Cleanup(w.lambda.Close)
	var mu sync.Mutex
	asked := map[string]int{}
	one := lambdatest.PerRecord(func(_ context.Context, id string, data json.RawMessage) (any, error) {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(text, "bad"):
			return nil, fmt.Errorf("refused")
		case strings.HasPrefix(text, "crash"):
			panic("crash")
		case strings.HasPrefix(text, "again"):
			mu.Lock()
			defer mu.Unlock()
			if asked[id]++; asked[id] <= 2 {
				return nil, lambdatest.RetryAfter(time.Second)
			}
		}
		return strings.ToUpper(text), nil
	})
	w.lambda.Handle(function, func(ctx context.Context, payload []byte) ([]byte, error) {
		time.Sleep(100 * time.Millisecond)
		return one(ctx, payload)
	})
	return w
}

func (w *world) batcher(t *testing.T, opts ...lambdabatch.Option) *lambdabatch.Batcher[string, string] {
	t.Helper()
	limiter, err := lambdabatch.NewLimiter(lambdabatch.Fixed())
	require.NoError(t, err)
	opts = append([]lambdabatch.Option{
		lambdabatch.WithLimiter(limiter), lambdabatch.WithInvocationTimeout(invocationTimeout), lambdabatch.WithLinger(time.Second),
	}, opts...)
	b, err := lambdabatch.New[string, string](w.lambda.Client(), function, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func (w *world) result(_ context.Context, m sqsbatch.Message, out string, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing != nil {
		if failed := w.failing(m.Body); failed != nil {
			return failed
		}
	}
	if err != nil {
		w.errs[m.Body] = append(w.errs[m.Body], err)
		return nil
	}
	w.order = append(w.order, m.Body)
	w.values[m.Body] = append(w.values[m.Body], out)
	return nil
}

func (w *world) pipeline(t *testing.T, q *sqstest.Queue, b *lambdabatch.Batcher[string, string], opts ...sqsbatch.Option) *sqsbatch.Pipeline[string, string] {
	t.Helper()
	p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b, append([]sqsbatch.Option{sqsbatch.WithResult(w.result)}, opts...)...)
	require.NoError(t, err)
	return p
}

// running is a Pipeline in its Run.
type running struct {
	stop context.CancelFunc
	done chan error
}

func start[In, Out any](t *testing.T, p *sqsbatch.Pipeline[In, Out]) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel, make(chan error, 1)}
	go func() { r.done <- p.Run(ctx) }()
	return r
}

// end stops the Run and returns its error.
func (r *running) end() error {
	r.stop()
	return <-r.done
}

// drained waits until the queue is empty, or a day has passed.
func drained(t *testing.T, q *sqstest.Queue) {
	t.Helper()
	for end := time.Now().Add(24 * time.Hour); q.Len() > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d messages are left: %+v", q.Len(), q.Messages())
		}
	}
	time.Sleep(100 * time.Millisecond) // for the answer of the last deletion
}

// balanced asserts that each message that was received has ended in one way.
func balanced(t *testing.T, s sqsbatch.Stats) {
	t.Helper()
	assert.Equal(t, s.Received, s.Deleted+s.Retried+s.Returned+s.LostVisibility+s.Duplicates+uint64(s.InFlight), "%+v", s)
}

func bodies(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return all
}

// hangs is a result function that only heeds its context.
func hangs(ctx context.Context, _ sqsbatch.Message, _ string, _ error) error {
	<-ctx.Done()
	return ctx.Err()
}

// lagging is a client whose answers come late: by operation.
type lagging struct {
	sqsbatch.Client
	lag map[string]time.Duration
}

// lagged is an answer that comes late, or not at all if ctx ends before.
func lagged[Out any](ctx context.Context, by time.Duration, out *Out, err error) (*Out, error) {
	select {
	case <-time.After(by):
		return out, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c lagging) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	out, err := c.Client.ReceiveMessage(ctx, in, opts...)
	return lagged(ctx, c.lag["ReceiveMessage"], out, err)
}

func (c lagging) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	out, err := c.Client.DeleteMessageBatch(ctx, in, opts...)
	return lagged(ctx, c.lag["DeleteMessageBatch"], out, err)
}

func (c lagging) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, opts ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	out, err := c.Client.ChangeMessageVisibilityBatch(ctx, in, opts...)
	return lagged(ctx, c.lag["ChangeMessageVisibilityBatch"], out, err)
}

// laggingPipeline is pipeline with a client whose answers to an operation come late.
func (w *world) laggingPipeline(t *testing.T, operation string, by time.Duration, q *sqstest.Queue, b *lambdabatch.Batcher[string, string], opts ...sqsbatch.Option) *sqsbatch.Pipeline[string, string] {
	t.Helper()
	client := lagging{w.sqs.Client(), map[string]time.Duration{operation: by}}
	p, err := sqsbatch.New(client, q.URL(), b, append([]sqsbatch.Option{sqsbatch.WithResult(w.result)}, opts...)...)
	require.NoError(t, err)
	return p
}

// logged is what was logged.
type logged struct {
	mu   sync.Mutex // protects following
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) option() sqsbatch.Option {
	return sqsbatch.WithLogger(slog.New(slog.NewTextHandler(l, nil)))
}

// lost is the lines that tell of lost visibility.
func (l *logged) lost() (lines []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, "the visibility of a message was lost") {
			lines = append(lines, line)
		}
	}
	return lines
}

// deaf lets the pipeline receive once, and nothing after that.
func (w *world) deaf() {
	w.sqs.Fault(sqstest.Latency(24*time.Hour), sqstest.OnOperation("ReceiveMessage"), sqstest.Skip(1))
}

// The operations on visibility and deletion whose first calls are the check's at the start.
func changes(after int) []sqstest.Aim {
	return []sqstest.Aim{sqstest.OnOperation("ChangeMessageVisibilityBatch"), sqstest.Skip(1 + after)}
}

func deletions(after int) []sqstest.Aim {
	return []sqstest.Aim{sqstest.OnOperation("DeleteMessageBatch"), sqstest.Skip(1 + after)}
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// ignoreLeft drops the error that tells of messages that were given back.
func ignoreLeft(err error) error {
	var left *sqsbatch.LeftError
	if errors.As(err, &left) {
		return nil
	}
	return err
}
