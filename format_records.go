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
		if string(r.Status) == "success" { // which is made a string for the comparison only
			results.Succeed(at, r.Data)
			continue
		}
		failed := &RecordError{ID: results.ID(at), Status: string(r.Status), Type: r.ErrorType, Message: r.ErrorMessage}
		if failed.Status == "retry" {
			failed.Retryable, failed.RetryAfter = true, r.RetryAfter
			results.Retry(at, r.RetryAfter, failed)
		} else {
			results.Fail(at, failed)
		}
	}
	return nil
}
