package lambdabatch

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// FuzzRead reads responses for the records a, b and c, and compares with what
// encoding/json finds in them.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `"text"`, `Task timed out after 1.00 seconds`,
		`{"results":[{"id":"a","status":"success","data":1},{"id":"b","status":"failure","error":"x"},{"id":"c","status":"retry","retryAfterMs":5}]}`,
		`{"results":[{"id":"c","status":"success","data":{"x":[1,2,{}]}},{"id":"a","status":"success"},{"id":"a","status":"success"}]}`,
		`{"results":[{"id":"a","status":"success","data":1},{"id":"z"},7,null,{"id":"b"}],"more":1}`,
		`{"results":[{"id":"\u0061","status":"succ\u0065ss","data":"\ud83d"}]`,
		`{"results":{"id":"a"}}`, `{"results":[],"results":[{"id":"a","status":"success"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		b := &engine.Batch{}
		for _, id := range []string{"a", "b", "c"} {
			b.Records = append(b.Records, &engine.Record{ID: id})
		}
		rd, err := read(Records, b, payload, "request")
		require.Len(t, rd.results, 3)
		require.Equal(t, 3, rd.succeeded+rd.failed+rd.retry+rd.missing)
		if !json.Valid(payload) {
			require.Error(t, err)
		}

		// What the payload says, by a reader that is not ours.
		var doc map[string]json.RawMessage
		var elements []json.RawMessage
		_ = json.Unmarshal(payload, &doc)
		_ = json.Unmarshal(doc["results"], &elements)
		statuses := map[string][]string{}
		for _, e := range elements {
			var fields map[string]json.RawMessage
			var id, status string
			if json.Unmarshal(e, &fields) == nil && json.Unmarshal(fields["id"], &id) == nil && string(fields["id"]) != "null" {
				_ = json.Unmarshal(fields["status"], &status)
				statuses[id] = append(statuses[id], status)
			}
		}
		for i, r := range b.Records {
			res := rd.results[i]
			var unusable *ResultError
			switch {
			case errors.As(res.Err, &unusable):
				require.ErrorIs(t, res.Err, ErrNoResult)
				require.False(t, res.Retry)
				require.LessOrEqual(t, len(unusable.Payload), 256)
			default:
				// It has a result: then there is one, and only one.
				require.NoError(t, err)
				require.Len(t, statuses[r.ID], 1)
				status := statuses[r.ID][0]
				require.Equal(t, status == "success", res.Err == nil)
				require.Equal(t, status == "retry", res.Retry)
				if res.Data != nil {
					require.True(t, json.Valid(res.Data))
				}
			}
		}
	})
}

// FuzzFormats reads anything as the response of an SQS function and of one for arrays:
// nothing panics, and each record is told of once.
func FuzzFormats(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `[1,2,3]`, `{"batchItemFailures":[{"itemIdentifier":"b"}]}`, `{"batchItemFailures":[{"itemIdentifier":"z"}]}`,
		`{"batchItemFailures":null}`, `{"errorMessage":"x"}`, `["a",{"b":[]},null]`, `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, format := range []Format{SQSEvent, Array} {
			b := &engine.Batch{}
			for _, id := range []string{"a", "b", "c"} {
				b.Records = append(b.Records, &engine.Record{ID: id})
			}
			rd, _ := read(format, b, payload, "request")
			require.Len(t, rd.results, 3)
			require.Equal(t, 3, rd.succeeded+rd.failed+rd.retry+rd.missing)
			if format == Array && rd.succeeded != 3 {
				require.Zero(t, rd.succeeded)
			}
		}
	})
}
