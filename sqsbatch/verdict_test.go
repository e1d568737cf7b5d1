package sqsbatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// drink is a value that may not encode.
type drink string

func (d drink) MarshalJSON() ([]byte, error) {
	switch d {
	case "unencodable":
		return nil, errors.New("no JSON for it")
	case "panics":
		panic("no JSON for it")
	default:
		return []byte(`"` + string(d) + `"`), nil
	}
}

// What an outcome means for the message: whose fault it is, and whether it will ever do better.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	const (
		permanent = "a dead letter at once"
		passing   = "a dead letter at the second delivery"
		blameless = "again and again, with pauses"
	)
	function := func(e lambdatest.Effect) func(*world) { return func(w *world) { w.lambda.Fault(e) } }
	tests := map[string]struct {
		body    string
		setup   func(w *world)
		batcher []lambdabatch.Option
		limiter []lambdabatch.LimiterOption
		fill    bool // another record is in the Batcher
		want    string
	}{
		"refused":                  {body: "bad", want: permanent},
		"undecodable":              {body: "undecodable", want: permanent},
		"unencodable":              {body: "unencodable", want: permanent},
		"panics when it encodes":   {body: "panics", want: permanent},
		"too large for the batch":  {body: "a tea", batcher: []lambdabatch.Option{lambdabatch.WithMaxBytes(64)}, want: permanent},
		"too large for the wire":   {body: "tea", setup: function(lambdatest.Status(413, "RequestEntityTooLargeException", "too large")), want: permanent},
		"to be sent again":         {body: "again", want: passing},
		"the function dies":        {body: "crash", want: passing},
		"no usable answer":         {body: "tea", setup: function(lambdatest.Respond([]byte("null"))), want: passing},
		"the invocation times out": {body: "tea", setup: function(lambdatest.BlackHole()), want: passing},
		"throttled for too long": {
			body: "tea", setup: function(lambdatest.Throttle("CallerRateLimitExceeded")),
			batcher: []lambdabatch.Option{lambdabatch.WithDeliveryTimeout(5 * time.Second)}, want: blameless,
		},
		"no permit in time": {
			body: "tea", fill: true, // the only permit is taken
			limiter: []lambdabatch.LimiterOption{lambdabatch.Rate(1.0/3600, 1)},
			batcher: []lambdabatch.Option{lambdabatch.WithDeliveryTimeout(5 * time.Second)}, want: blameless,
		},
		"no function":        {body: "tea", setup: function(lambdatest.Status(404, "ResourceNotFoundException", "none")), want: blameless},
		"no connection":      {body: "tea", setup: function(lambdatest.ConnectionRefused()), want: blameless},
		"no budget to retry": {body: "tea", setup: function(lambdatest.ServerError(500, "")), batcher: []lambdabatch.Option{lambdabatch.WithMaxAttempts(6), lambdabatch.WithRetryBudget(0, 1)}, want: blameless},
		"no room":            {body: "tea", batcher: []lambdabatch.Option{lambdabatch.WithFailFast(), lambdabatch.WithMaxBuffered(1, 1<<20)}, fill: true, want: blameless},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				if test.setup != nil {
					test.setup(w)
				}
				limiter, err := lambdabatch.NewLimiter(append(test.limiter, lambdabatch.Fixed())...)
				require.NoError(t, err)
				b, err := lambdabatch.New[drink, string](w.lambda.Client(), "upper", append([]lambdabatch.Option{
					lambdabatch.WithLimiter(limiter), lambdabatch.WithInvocationTimeout(invocationTimeout), lambdabatch.WithMaxAttempts(1),
				}, test.batcher...)...)
				require.NoError(t, err)
				defer b.Close()
				if test.fill {
					defer w.lambda.Fault(lambdatest.Throttle("CallerRateLimitExceeded")).Remove()
					defer b.Shutdown(ended(t)) //nolint:errcheck // it gives up at once
					b.Submit(t.Context(), "in the way")
					time.Sleep(time.Second)
				}
				dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
				q.Send(test.body)
				p, err := sqsbatch.New(w.sqs.Client(), q.URL(), b,
					sqsbatch.WithDeadLetterQueue(dead.URL()), sqsbatch.WithMaxReceives(2), sqsbatch.WithBackoff(0, 0),
					sqsbatch.WithDecode(func(m sqsbatch.Message) (drink, error) {
						if m.Body == "undecodable" {
							return "", assert.AnError
						}
						return drink(m.Body), nil
					}))
				require.NoError(t, err)
				r := start(t, p)
				time.Sleep(2 * time.Minute)
				s := p.Stats()
				require.NoError(t, ignoreLeft(r.end()))
				switch test.want {
				case permanent:
					assert.Equal(t, []uint64{1, 1, 0, 0}, []uint64{s.Received, s.Dead, s.Retried, s.Pauses})
					assert.Equal(t, 1, dead.Len())
				case passing:
					assert.Equal(t, []uint64{2, 1, 1, 0}, []uint64{s.Received, s.Dead, s.Retried, s.Pauses})
					assert.Equal(t, 1, dead.Len())
				case blameless:
					assert.Positive(t, s.Pauses)
					assert.Positive(t, s.Retried)
					assert.Zero(t, s.Dead)
					assert.Zero(t, dead.Len())
				}
				balanced(t, p.Stats())
			})
		})
	}
}

// Only a dead-letter queue makes a failure that may pass one for good: the redrive policy would count it otherwise.
func TestWithoutADeadLetterQueueNothingIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send("crash")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithMaxReceives(1), sqsbatch.WithBackoff(0, 0))
		r := start(t, p)
		time.Sleep(time.Minute)
		require.NoError(t, r.end())
		assert.Empty(t, w.errs)
		assert.Zero(t, p.Stats().Dead)
		assert.Greater(t, p.Stats().Retried, uint64(5))
	})
}

func TestWhatCannotBecomeADeadLetterStays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send("bad")
		fault := w.sqs.Fault(sqstest.FailEntries("InvalidMessageContents", true, nil), sqstest.OnOperation("SendMessageBatch"))
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		time.Sleep(5 * time.Second)
		assert.Equal(t, 1, q.Len())
		assert.Zero(t, p.Stats().DeadLetters)
		fault.Remove()
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 1, dead.Len())
		balanced(t, p.Stats())
	})
}

// The result of a failure for good must be written, too.
func TestADeadLettersResultMustBeWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send("bad")
		calls := 0
		w.failing = func(string) error {
			if calls++; calls == 1 {
				return assert.AnError
			}
			return nil
		}
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Equal(t, 2, calls)
		assert.Equal(t, uint64(1), p.Stats().ResultErrors)
		assert.Len(t, w.errs["bad"], 1)
		assert.Equal(t, 1, dead.Len())
	})
}

// How long a message stays away: at least as long as the function asked for, in whole seconds, up to a function's longest run.
func TestTheWaitBeforeARetry(t *testing.T) {
	t.Parallel()
	for asked, want := range map[time.Duration]time.Duration{
		0: time.Second, 1500 * time.Millisecond: 2 * time.Second, 10 * time.Second: 10 * time.Second, 24 * time.Hour: 15 * time.Minute,
	} {
		t.Run(asked.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				q := w.sqs.Queue("orders")
				q.Send("order")
				var at []time.Time
				p := w.pipeline(t, q, w.askingBatcher(t, time.Second, asked), sqsbatch.WithBackoff(0, 0), sqsbatch.WithDecode(func(m sqsbatch.Message) (string, error) {
					at = append(at, time.Now())
					return m.Body, nil
				}))
				r := start(t, p)
				time.Sleep(want + 2500*time.Millisecond)
				require.NoError(t, r.end())
				require.GreaterOrEqual(t, len(at), 2)
				assert.InDelta(t, (want + time.Second).Seconds(), at[1].Sub(at[0]).Seconds(), 0.2)
			})
		})
	}
}

// 30 s at first on average, and half an hour from the seventh delivery on.
func TestWaitsGrow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q := w.sqs.Queue("orders")
		q.Send(bodies("crash", 20)...)
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithBackoff(time.Minute, time.Hour))
		r := start(t, p)
		time.Sleep(6 * time.Hour)
		require.NoError(t, r.end())
		assert.InDelta(t, 17, float64(p.Stats().Received)/20, 4)
	})
}
