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
		switch status := string(r.Status); status {
		case "success":
			results.Succeed(at, r.Data)
		case "retry":
			results.Retry(at, r.RetryAfter, &RecordError{
				ID: results.ID(at), Status: status, Type: r.ErrorType, Message: r.ErrorMessage, Retryable: true, RetryAfter: r.RetryAfter,
			})
		default:
			results.Fail(at, &RecordError{ID: results.ID(at), Status: status, Type: r.ErrorType, Message: r.ErrorMessage})
		}
	}
	return nil
}
