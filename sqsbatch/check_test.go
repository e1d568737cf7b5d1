package sqsbatch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// What is wrong is one error at the start, before anything is received, and names the setting.
func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		queue   string
		setup   func(w *world)
		batcher []lambdabatch.Option
		opts    []sqsbatch.Option
		want    []string

		lines    int // of the error; default 1
		receives int
	}{
		"missing queue": {
			queue: "", want: []string{"queueURL https://sqs.us-east-1.amazonaws.com/000000000000/none", "no such queue"},
		},
		"no permission to look": {
			queue: "orders", setup: func(w *world) { w.sqs.Fault(sqstest.AccessDenied(), sqstest.OnOperation("GetQueueAttributes")) },
			want: []string{"queueURL", "sqs:GetQueueAttributes is missing"},
		},
		"no permission to delete, nor to hold": {
			queue: "orders", setup: func(w *world) {
				w.sqs.Fault(sqstest.Refuse(403, "AccessDenied", "no"), sqstest.OnOperation("DeleteMessageBatch"))
				w.sqs.Fault(sqstest.AccessDenied(), sqstest.OnOperation("ChangeMessageVisibilityBatch"))
			},
			want: []string{"sqs:DeleteMessage is missing", "sqs:ChangeMessageVisibility is missing"}, lines: 2,
		},
		"no permission to receive": {
			queue: "orders", setup: func(w *world) { w.sqs.Fault(sqstest.AccessDenied(), sqstest.OnOperation("ReceiveMessage")) },
			want: []string{"sqs:ReceiveMessage is missing"}, receives: 1,
		},
		"visibility of zero": {
			queue: "at-once", want: []string{"VisibilityTimeout of queue https://", "at-once (0s): must be at least 1s", "set WithVisibility"},
		},
		"two at once": {
			queue: "orders.fifo", batcher: []lambdabatch.Option{lambdabatch.WithInvocationTimeout(time.Minute)},
			opts: []sqsbatch.Option{sqsbatch.WithDeadLetterQueue("https://sqs.us-east-1.amazonaws.com/000000000000/orders")},
			want: []string{"VisibilityTimeout of queue", "WithDeadLetterQueue("}, lines: 2,
		},
		"visibility of the queue": {
			queue: "orders", batcher: []lambdabatch.Option{lambdabatch.WithInvocationTimeout(time.Minute)},
			want: []string{"VisibilityTimeout of queue https://", "(30s)", "at least the Batcher's invocation timeout, 1m0s"},
		},
		"visibility of the option": {
			queue: "orders", batcher: []lambdabatch.Option{lambdabatch.WithInvocationTimeout(time.Minute)},
			opts: []sqsbatch.Option{sqsbatch.WithVisibility(40 * time.Second)}, want: []string{"WithVisibility(40s)", "1m0s"},
		},
		"dead letters of a FIFO queue": {
			queue: "orders.fifo", opts: []sqsbatch.Option{sqsbatch.WithDeadLetterQueue("https://sqs.us-east-1.amazonaws.com/000000000000/orders")},
			want: []string{"WithDeadLetterQueue(", "FIFO for a FIFO queue"},
		},
		"missing dead-letter queue": {
			queue: "orders", opts: []sqsbatch.Option{sqsbatch.WithDeadLetterQueue("https://sqs.us-east-1.amazonaws.com/000000000000/none")},
			want: []string{"WithDeadLetterQueue(", "no such queue"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				queues := map[string]*sqstest.Queue{"orders": w.sqs.Queue("orders"), "orders.fifo": w.sqs.Queue("orders.fifo"), "at-once": w.sqs.Queue("at-once", sqstest.VisibilityTimeout(0))}
				url := "https://sqs.us-east-1.amazonaws.com/000000000000/none"
				if test.queue != "" {
					url = queues[test.queue].URL()
				}
				if test.setup != nil {
					test.setup(w)
				}
				p, err := sqsbatch.New(w.sqs.Client(), url, w.batcher(t, test.batcher...), test.opts...)
				require.NoError(t, err)
				err = p.Run(t.Context())
				for _, want := range test.want {
					require.ErrorContains(t, err, want)
				}
				assert.Len(t, strings.Split(err.Error(), "\n"), max(test.lines, 1))
				assert.LessOrEqual(t, w.sqs.Calls("ReceiveMessage"), test.receives)
				t.Log(err)
				assert.Zero(t, p.Stats().Received)
			})
		})
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := sqsbatch.New(w.sqs.Client(), "orders", w.batcher(t),
		sqsbatch.WithDeadLetterQueue(""),
		sqsbatch.WithVisibility(time.Millisecond),
		sqsbatch.WithMaxInFlight(0),
		sqsbatch.WithPollers(0),
		sqsbatch.WithMaxReceives(0),
		sqsbatch.WithGrace(-1),
		sqsbatch.WithBackoff(time.Minute, time.Second),
		sqsbatch.WithLogger(nil),
		sqsbatch.WithResult(func(context.Context, sqsbatch.Message, int, error) error { return nil }),
		sqsbatch.WithDecode(func(sqsbatch.Message) (int, error) { return 0, nil }),
		nil,
	)
	require.Error(t, err)
	for _, want := range []string{
		`queueURL "orders": must be`, `WithDeadLetterQueue(""): must be`, "WithVisibility(1ms): must be", "WithMaxInFlight(0): must be",
		"WithPollers(0): must be", "WithMaxReceives(0): must be", "WithGrace(-1ns): must not be", "WithBackoff(1m0s, 1s): must be", "WithLogger(nil): must be",
		"WithResult(func(context.Context, sqsbatch.Message, int, error) error): must be a func(context.Context, sqsbatch.Message, string, error) error",
		"WithDecode(func(sqsbatch.Message) (int, error)): must be a func(sqsbatch.Message) (string, error)",
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 11)

	_, err = sqsbatch.New[string, string](nil, "https://host/queue", nil)
	require.ErrorContains(t, err, "client: must not be nil")
	require.ErrorContains(t, err, "batcher: must not be nil")
}

// Without a redrive policy and a dead-letter queue a poisoned message comes for days. That is no error, but worth a line.
func TestAMissingRedrivePolicyIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		for name, want := range map[string]bool{"with": false, "without": true} {
			var opts []sqstest.QueueOption
			if !want {
				opts = append(opts, sqstest.Redrive(dead, 5))
			}
			var l logged
			r := start(t, w.pipeline(t, w.sqs.Queue(name, opts...), w.batcher(t), l.option()))
			time.Sleep(time.Second)
			require.NoError(t, r.end())
			assert.Equal(t, want, strings.Contains(l.String(), "no redrive policy"))
		}
	})
}

// The dead-letter queue need not be readable, only be sent to.
func TestADeadLetterQueueThatMayNotBeLookedAt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		w.sqs.Fault(sqstest.AccessDenied(), sqstest.OnOperation("GetQueueAttributes"), sqstest.OnQueue(dead))
		q.Send("bad")
		r := start(t, w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL())))
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 1, dead.Len())
	})
}

// Credentials that have expired are renewed sooner or later: it is no lack of a permission.
func TestExpiredCredentialsAreNoMissingPermission(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("order")
		w.sqs.Fault(sqstest.Refuse(403, "ExpiredTokenException", "The security token included in the request is expired"), sqstest.OnOperation("ReceiveMessage"), sqstest.Count(5))
		r := start(t, w.pipeline(t, q, w.batcher(t)))
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, []string{"ORDER"}, w.values["order"])
	})
}
