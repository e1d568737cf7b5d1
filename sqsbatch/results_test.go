package sqsbatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
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

// late is a client whose answers come a second late.
type late struct{ lambdabatch.Invoker }

func (c late) Invoke(ctx context.Context, in *lambda.InvokeInput, opts ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	out, err := c.Invoker.Invoke(ctx, in, opts...)
	time.Sleep(time.Second)
	return out, err
}

// A function may be done before the answer to its invocation has come.
func TestEarlyResultsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, withDestinations(q, lambdatest.PerRecord(func(context.Context, string, json.RawMessage) (any, error) { return "done", nil })))
		results, err := sqsbatch.NewResults(late{l.Client()}, s.Client(), q.URL())
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithLinger(0), lambdabatch.WithLogTail())
		require.NoError(t, err)
		began := time.Now()
		value, err := b.Do(t.Context(), 1)
		require.NoError(t, err)
		assert.Equal(t, "done", value)
		assert.Equal(t, time.Second, time.Since(began))
		assert.Equal(t, sqsbatch.ResultsStats{Invoked: 1, Resolved: 1}, results.Stats())
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
	})
}

// Results changes a copy of what it is given: no log comes with an Event.
func TestResultsLeavesItsInputAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := sqstest.New()
		defer s.Close()
		var sent *lambda.InvokeInput
		results, err := sqsbatch.NewResults(invoker(func(in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
			sent = in
			return nil, assert.AnError
		}), s.Client(), s.Queue("results").URL())
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		in := &lambda.InvokeInput{InvocationType: types.InvocationTypeRequestResponse, LogType: types.LogTypeTail, Payload: []byte("{}")}
		given := *in
		_, err = results.Invoke(t.Context(), in)
		require.ErrorIs(t, err, assert.AnError)
		assert.Equal(t, given, *in)
		assert.Equal(t, types.InvocationTypeEvent, sent.InvocationType)
		assert.Empty(t, sent.LogType)
		assert.Equal(t, in.Payload, sent.Payload)
		stop()
		require.NoError(t, <-done)
	})
}

type invoker func(*lambda.InvokeInput) (*lambda.InvokeOutput, error)

func (f invoker) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	return f(in)
}

func TestAFunctionThatFailsWithAnUnusualPayload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, func(ctx context.Context, _ []byte) ([]byte, error) {
			q.Send(fmt.Sprintf(`{"requestContext":{"requestId":%q,"condition":"RetriesExhausted"},"responseContext":{"statusCode":200,"functionError":"Unhandled"},"responsePayload":{"results":[]}}`, requestID(ctx)))
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
		var failed *lambdabatch.FunctionError
		require.ErrorAs(t, err, &failed)
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
	})
}

func TestResultsOfAQueueThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := sqstest.New()
		defer s.Close()
		q := s.Queue("results")
		results, err := sqsbatch.NewResults(lambdatest.New().Client(), s.Client(), q.URL()+"-none")
		require.NoError(t, err)
		err = results.Run(t.Context())
		require.ErrorContains(t, err, "queueURL "+q.URL()+"-none: there is no such queue in this account and Region")

		results, err = sqsbatch.NewResults(lambdatest.New().Client(), s.Client(), q.URL())
		require.NoError(t, err)
		fault := s.Fault(sqstest.AccessDenied(), sqstest.OnOperation("ReceiveMessage"))
		require.ErrorContains(t, results.Run(t.Context()), "the permission sqs:ReceiveMessage is missing")
		fault.Remove()

		s.Fault(sqstest.Throttle(), sqstest.OnOperation("ReceiveMessage"), sqstest.Count(10)) // passes
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Minute, stop)
		q.Send("unreadable")
		require.NoError(t, results.Run(ctx))
		assert.Equal(t, uint64(1), results.Stats().Unreadable)
	})
}

// A request is remembered for an hour. What comes after that is nobody's, and of both nothing stays.
func TestResultsForgets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, s := lambdatest.New(), sqstest.New()
		defer l.Close()
		defer s.Close()
		q := s.Queue("results")
		l.Handle(function, func(context.Context, []byte) ([]byte, error) { return nil, nil })
		results, err := sqsbatch.NewResults(l.Client(), s.Client(), q.URL(), sqsbatch.WithResultTimeout(time.Second))
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- results.Run(ctx) }()
		time.Sleep(time.Second)
		b, err := lambdabatch.New[int, string](results, function, lambdabatch.WithMaxAttempts(1))
		require.NoError(t, err)
		for i, after := range []time.Duration{50 * time.Minute, 70 * time.Minute} {
			_, err = b.Do(t.Context(), 1)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(after)
			q.Send(fmt.Sprintf(`{"requestContext":{"requestId":%q}}`, l.Invocations()[i].RequestID))
			time.Sleep(2 * time.Minute)
		}
		assert.Equal(t, sqsbatch.ResultsStats{Invoked: 2, TimedOut: 2, Late: 1, Unknown: 1}, results.Stats())
		require.NoError(t, b.Close())
		stop()
		require.NoError(t, <-done)
	})
}
