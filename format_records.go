package lambdabatch

import (
	"encoding/json"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// Records is the default format, the one that the package documentation describes.
var Records Format = recordsFormat{}

type recordsFormat struct{}

func (recordsFormat) Envelope() (opening, separator, closing string) {
	return wire.RequestOpen, wire.RequestSeparator, wire.RequestClose
}

func (recordsFormat) AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error) {
	return wire.AppendRecord(dst, id, data), nil
}

// ReadResponse matches the results by ID.
func (recordsFormat) ReadResponse(payload []byte, results *Results) error {
	parsed, err := wire.ParseResults(payload, results.parsed[:0])
	results.parsed = parsed
	if err != nil {
		return err
	}
	for i := range parsed {
		r := &parsed[i]
		if r.Malformed != "" {
			results.Unmatched()
			continue
		}
		at, ok := results.Index(r.ID)
		if !ok {
			continue
		}
		switch string(r.Status) {
		case "success":
			results.Succeed(at, r.Data)
		case "retry":
			results.Retry(at, r.RetryAfter, recordError(results.ID(at), r))
		default:
			results.Fail(at, recordError(results.ID(at), r))
		}
	}
	return nil
}

// recordError is the error of a record that the function has failed.
func recordError(id string, r *wire.Result) *RecordError {
	status := string(r.Status)
	return &RecordError{
		ID: id, Status: status, Type: r.ErrorType, Message: r.ErrorMessage, Retryable: status == "retry", RetryAfter: r.RetryAfter,
	}
}
