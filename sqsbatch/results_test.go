package sqsbatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// withDestinations lets f send a record of each invocation to the queue, as Lambda's on-success and on-failure destinations do.
func withDestinations(q *sqstest.Queue, f lambdatest.Function) lambdatest.Function {
	return func(ctx context.Context, payload []byte) (answer []byte, err error) {
		defer func() {
			condition, failed := "Success", ""
			if v := recover(); v != nil {
				condition, failed = "RetriesExhausted", `,"functionError":"Unhandled"`
				answer = fmt.Appendf(nil, `{"errorMessage":"%v","errorType":"panic"}`, v)
			}
			q.Send(fmt.Sprintf(`{"version":"1.0","timestamp":"2019-11-14T18:16:05.568Z","requestContext":{"requestId":%q,"functionArn":"arn","condition":%q,"approximateInvokeCount":1},`+
				`"requestPayload":%s,"responseContext":{"statusCode":200,"executedVersion":"$LATEST"%s},"responsePayload":%s}`,
				requestID(ctx), condition, payload, failed, answer))
		}()
		return f(ctx, payload)
	}
}

func requestID(ctx context.Context) string {
	request, _ := lambdatest.FromContext(ctx)
	return request.RequestID
}

func TestResultsOfEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, withDestinations(q, lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
			time.Sleep(10 * time.Millisecond)
			switch string(data) {
			case "13":
				panic("poison")
			case "7":
				return nil, assert.AnError
			}
			return "done " + string(data), nil
		})))
		results, err := sqsbatch.NewResults(l.Client(), s.Client(), q.URL())
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithMaxBytes(1<<20))
		require.NoError(t, err)
		var futures []*lambdabatch.Future[string]
		for i := range 30 {
			futures = append(futures, b.Submit(t.Context(), i))
		}
		for i, f := range futures {
			value, err := f.Await(t.Context())
			switch i {
			case 7:
				var refused *lambdabatch.RecordError
				require.ErrorAs(t, err, &refused)
			case 13:
				var failed *lambdabatch.FunctionError
				require.ErrorAs(t, err, &failed)
			default:
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprint("done ", i), value)
			}
		}
		q.Send("no JSON", `{"requestContext":{"requestId":"somebody else's"}}`)
		time.Sleep(2 * time.Minute)
		stats := results.Stats()
		assert.Equal(t, stats.Invoked, stats.Resolved)
		assert.Equal(t, uint64(1), stats.Unreadable)
		assert.Equal(t, uint64(1), stats.Unknown)
		assert.Zero(t, q.Len())
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
		for _, i := range l.Invocations() {
			assert.Equal(t, "Event", string(i.Type))
		}
	})
}

func TestLateResultsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, withDestinations(q, func(context.Context, []byte) ([]byte, error) {
			time.Sleep(2500 * time.Millisecond)
			return []byte("{}"), nil
		}))
		results, err := sqsbatch.NewResults(l.Client(), s.Client(), q.URL(), sqsbatch.WithResultTimeout(time.Second))
		require.NoError(t, err)
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithMaxAttempts(1))
		require.NoError(t, err)
		_, err = b.Do(t.Context(), 1)
		require.ErrorIs(t, err, sqsbatch.ErrNoRunningResults)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		_, err = b.Do(t.Context(), 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		time.Sleep(10 * time.Second)
		assert.Equal(t, sqsbatch.ResultsStats{Invoked: 1, TimedOut: 1, Late: 1}, results.Stats())
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
	})
}

func TestEventsThatLambdaGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, func(ctx context.Context, _ []byte) ([]byte, error) {
			q.Send(fmt.Sprintf(`{"requestContext":{"requestId":%q,"condition":"EventAgeExceeded"}}`, requestID(ctx)))
			return nil, nil
		})
		results, err := sqsbatch.NewResults(l.Client(), s.Client(), q.URL())
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithMaxAttempts(1))
		require.NoError(t, err)
		_, err = b.Do(t.Context(), 1)
		var gaveUp *sqsbatch.DestinationError
		require.ErrorAs(t, err, &gaveUp)
		assert.Equal(t, "EventAgeExceeded", gaveUp.Condition)
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
	})
}
