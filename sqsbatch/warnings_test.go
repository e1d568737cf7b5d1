package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// Settings that do not fit together, but may be meant.
func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		queue, dead string
		receives    int // maxReceiveCount
		linger      time.Duration
		want        string
	}{
		"a policy that outages exhaust": {queue: "orders", dead: "dead", receives: 5, want: "maxReceiveCount=5"},
		"a policy for worker deaths":    {queue: "orders", dead: "dead", receives: 100},
		"a policy alone":                {queue: "orders", receives: 5},
		"a long linger of groups":       {queue: "orders.fifo", dead: "dead.fifo", linger: time.Second, want: "linger=1s"},
		"a short linger of groups":      {queue: "orders.fifo", dead: "dead.fifo", linger: 5 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				policy := w.sqs.Queue("policy")
				opts := []sqstest.QueueOption{}
				if test.receives > 0 {
					opts = append(opts, sqstest.Redrive(policy, test.receives))
				}
				q := w.sqs.Queue(test.queue, opts...)
				var log logged
				own := []sqsbatch.Option{log.option()}
				if test.dead != "" {
					own = append(own, sqsbatch.WithDeadLetterQueue(w.sqs.Queue(test.dead).URL()))
				}
				r := start(t, w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(test.linger)), own...))
				time.Sleep(time.Second)
				require.NoError(t, r.end())
				if test.want == "" {
					assert.NotContains(t, log.String(), "level=WARN")
					return
				}
				assert.Contains(t, log.String(), "level=WARN")
				assert.Contains(t, log.String(), test.want)
			})
		})
	}
}
