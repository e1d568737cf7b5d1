package lambdabatch_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/formattest"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	fate := func(data json.RawMessage) formattest.Fate {
		var r formattest.Record
		if err := json.Unmarshal(data, &r); err != nil {
			return "undecodable"
		}
		return r.Do
	}
	t.Run("Records", func(t *testing.T) {
		t.Parallel()
		formattest.Run(t, lambdabatch.Records, func(payload []byte) ([]byte, error) {
			var request struct {
				Records []struct {
					ID   string
					Data json.RawMessage
				}
			}
			if err := json.Unmarshal(payload, &request); err != nil {
				return nil, err
			}
			results := []any{}
			for _, r := range request.Records {
				switch fate(r.Data) { //nolint:exhaustive // what is left has no result
				case formattest.Succeed:
					results = append(results, map[string]any{"id": r.ID, "status": "success", "data": r.Data})
				case formattest.Fail:
					results = append(results, map[string]any{"id": r.ID, "status": "failure", "error": "no"})
				case formattest.Retry:
					results = append(results, map[string]any{"id": r.ID, "status": "retry"})
				}
			}
			return json.Marshal(map[string]any{"results": results})
		}, formattest.Fail, formattest.Retry, formattest.Omit)
	})
	t.Run("SQSEvent", func(t *testing.T) {
		t.Parallel()
		formattest.Run(t, lambdabatch.SQSEvent, func(payload []byte) ([]byte, error) {
			var event struct {
				Records []struct{ MessageID, Body string }
			}
			if err := json.Unmarshal(payload, &event); err != nil {
				return nil, err
			}
			failures := []any{}
			for _, r := range event.Records {
				if fate(json.RawMessage(r.Body)) == formattest.Retry {
					failures = append(failures, map[string]any{"itemIdentifier": r.MessageID})
				}
			}
			return json.Marshal(map[string]any{"batchItemFailures": failures})
		}, formattest.Retry, formattest.NoValues)
	})
	t.Run("Array", func(t *testing.T) {
		t.Parallel()
		formattest.Run(t, lambdabatch.Array, func(payload []byte) ([]byte, error) { return payload, nil })
	})
}

// A message of an SQS event has all that a function may look for.
func TestSQSEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Respond(nil))
		b := newBatcher(t, s.Client(), lambdabatch.WithFormat(lambdabatch.SQSEventOf("arn:aws:sqs:eu-central-1:123456789012:orders")))
		_, err := b.Do(t.Context(), `say "hi" <b>`, lambdabatch.ID("m-1"))
		require.NoError(t, err)
		assert.Equal(t, `{"Records":[{"messageId":"m-1","receiptHandle":"m-1","body":"say \"hi\" <b>",`+
			`"attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"946684800000","SenderId":"lambdabatch","ApproximateFirstReceiveTimestamp":"946684800000"},`+
			`"messageAttributes":{},"md5OfBody":"f7c089c55228d4f55c7bafceb8d542b1","eventSource":"aws:sqs",`+
			`"eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:orders","awsRegion":"eu-central-1"}]}`, string(s.Invocations()[0].Payload))

		objects, err := lambdabatch.New[map[string]int, struct{}](s.Client(), upper, lambdabatch.WithFormat(lambdabatch.SQSEvent))
		require.NoError(t, err)
		defer func() { require.NoError(t, objects.Close()) }()
		_, err = objects.Do(t.Context(), map[string]int{"a": 1})
		require.NoError(t, err)
		assert.Contains(t, string(s.Invocations()[1].Payload), `"body":"{\"a\":1}"`)
	})
}

// The answers of an SQS function are read by AWS's rules.
func TestSQSEventAnswers(t *testing.T) {
	t.Parallel()
	const all, none, b = "a b c", "", "b"
	for answer, failed := range map[string]string{
		``: none, `null`: none, `{}`: none, `{"batchItemFailures":[]}`: none, `{"batchItemFailures":null}`: none, `{"other":1}`: none,
		`{"batchItemFailures":[{"itemIdentifier":"b"}]}`:                        b,
		`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]}`: b,
		`not json`: all,
		`"text"`:   all,
		`[]`:       all,
		`{"batchItemFailures":[{"itemIdentifier":""}]}`:                         all,
		`{"batchItemFailures":[{"itemIdentifier":null}]}`:                       all,
		`{"batchItemFailures":[{"badIdentifier":"b"}]}`:                         all,
		`{"batchItemFailures":[{"itemIdentifier":"else"}]}`:                     all,
		`{"batchItemFailures":["b"]}`:                                           all,
		`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"z"}]}`: all,
	} {
		t.Run(answer, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(lambdatest.Respond([]byte(answer)))
				batcher := newBatcher(t, s.Client(), lambdabatch.WithFormat(lambdabatch.SQSEvent), lambdabatch.WithMaxAttempts(1))
				futures := map[string]*lambdabatch.Future[string]{}
				for _, id := range []string{"a", "b", "c"} {
					futures[id] = batcher.Submit(t.Context(), id, lambdabatch.ID(id))
				}
				for id, f := range futures {
					value, err := f.Await(t.Context())
					assert.Empty(t, value)
					if failed != all && failed != id {
						require.NoError(t, err)
						continue
					}
					var refused *lambdabatch.RecordError
					require.ErrorAs(t, err, &refused)
					assert.True(t, refused.Retryable)
				}
			})
		})
	}
}

// An array of the wrong length fails all, typed.
func TestArrayAnswers(t *testing.T) {
	t.Parallel()
	for answer, problem := range map[string]string{
		`["A"]`: "an array of 1 for 2 records", `["A","B","C"]`: "an array of 3 for 2 records", `{}`: "no JSON array", `null`: "no JSON array", ``: "no JSON array",
	} {
		t.Run(answer, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(lambdatest.Respond([]byte(answer)))
				b := newBatcher(t, s.Client(), lambdabatch.WithFormat(lambdabatch.Array))
				one, other := b.Submit(t.Context(), "a"), b.Submit(t.Context(), "b")
				for _, f := range []*lambdabatch.Future[string]{one, other} {
					_, err := f.Await(t.Context())
					require.ErrorIs(t, err, lambdabatch.ErrNoResult)
					var unusable *lambdabatch.ResultError
					require.ErrorAs(t, err, &unusable)
					assert.Contains(t, unusable.Problem, problem)
				}
			})
		})
	}
}

// evil is a Format that panics.
type evil struct {
	lambdabatch.Format
	where string
}

func (f evil) AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error) {
	if f.where == "request" {
		panic("evil")
	}
	return f.Format.AppendRecord(dst, id, data)
}

func (f evil) ReadResponse(payload []byte, results *lambdabatch.Results) error {
	switch f.where {
	case "response":
		panic("evil")
	case "place":
		results.Succeed(results.Len(), nil)
	}
	return f.Format.ReadResponse(payload, results)
}

func TestFormatsThatPanic(t *testing.T) {
	t.Parallel()
	for where, certainty := range map[string]lambdabatch.Certainty{
		"request": lambdabatch.NotExecuted, "response": lambdabatch.Executed, "place": lambdabatch.Executed,
	} {
		t.Run(where, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				b := newBatcher(t, s.Client(), lambdabatch.WithFormat(evil{lambdabatch.Records, where}))
				_, err := b.Do(t.Context(), "a")
				var panicked *lambdabatch.PanicError
				require.ErrorAs(t, err, &panicked)
				assert.NotEmpty(t, panicked.Stack)
				assert.Equal(t, certainty, lambdabatch.CertaintyOf(err))
			})
		})
	}
}
