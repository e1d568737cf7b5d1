package lambdatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Record is one of those that travel together in a request of the form {"records":[{"id":"1","data":…}]}.
type Record struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

type envelope struct {
	Records []Record `json:"records"`
}

// Records returns the records of the payload, and nil if it has another form.
func (r *Request) Records() []Record {
	var e envelope
	if json.Unmarshal(r.Payload, &e) != nil {
		return nil
	}
	return e.Records
}

type outcome struct {
	ID           string          `json:"id"`
	Status       string          `json:"status"`
	Data         json.RawMessage `json:"data,omitempty"`
	Error        *outcomeError   `json:"error,omitempty"`
	RetryAfterMs *int64          `json:"retryAfterMs,omitempty"`
}

type outcomeError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// PerRecord makes a function that takes batches out of one that takes a record. It answers
// {"results":[{"id","status":"success","data"},{"id","status":"failure","error":{"type","message"}}]}, in the order of the
// records, which it runs one after the other. The value f returns is encoded as JSON. Its error makes a failure whose type is the
// Go type's name, and that of [RetryAfter] the status "retry". A panic of f, or a payload of another form, fails the
// function as a whole. It stops between two records when ctx has ended. It is safe for concurrent use if f is.
func PerRecord(f func(ctx context.Context, id string, data json.RawMessage) (any, error)) Function {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var in envelope
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		if in.Records == nil {
			return nil, errors.New(`lambdatest: the payload has no "records"`)
		}
		out := struct {
			Results []outcome `json:"results"`
		}{make([]outcome, 0, len(in.Records))}
		for _, r := range in.Records {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			value, err := f(ctx, r.ID, r.Data)
			out.Results = append(out.Results, outcomeOf(r.ID, value, err))
		}
		return json.Marshal(out)
	}
}

func outcomeOf(id string, value any, err error) outcome {
	var retry *retryError
	if errors.As(err, &retry) {
		ms := int64((retry.after + time.Millisecond - 1) / time.Millisecond)
		return outcome{ID: id, Status: "retry", RetryAfterMs: &ms}
	}
	var data json.RawMessage
	if err == nil {
		data, err = json.Marshal(value)
	}
	if err != nil {
		return outcome{ID: id, Status: "failure", Error: &outcomeError{Type: errorType(err), Message: err.Error()}}
	}
	return outcome{ID: id, Status: "success", Data: data}
}

// RetryAfter is the error by which a function of one record, see [PerRecord], asks for it again after d, rounded up to
// whole milliseconds. It may be wrapped.
func RetryAfter(d time.Duration) error {
	return &retryError{after: max(d, 0)}
}

type retryError struct{ after time.Duration }

func (e *retryError) Error() string { return fmt.Sprintf("lambdatest: retry after %v", e.after) }
