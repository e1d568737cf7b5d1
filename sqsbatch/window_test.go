package sqsbatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

func TestAFastFunctionGetsAWideWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("order", 5000)...)
		p := w.pipeline(t, q, w.batcher(t, lambdabatch.WithLinger(10*time.Millisecond)), sqsbatch.WithMaxInFlight(600))
		r := start(t, p)
		began := time.Now()
		drained(t, q)
		took := time.Since(began)
		require.NoError(t, r.end())
		assert.Equal(t, 600, p.Stats().Window)
		assert.Less(t, took, 30*time.Second)
	})
}
