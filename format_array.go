package lambdabatch

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// Array is the format of a function that takes a JSON array and answers with one of
// the same length, a value for each record at its place. A response of another
// length, or that is no array, fails all records with a [*ResultError]. There is no
// place in it for the failure of one record: a function that cannot process one has
// to fail as a whole, and the batch is then split. IDs are not sent.
var Array Format = arrayFormat{}

type arrayFormat struct{}

func (arrayFormat) Envelope() (opening, separator, closing string) { return "[", ",", "]" }

func (arrayFormat) AppendRecord(dst []byte, _ string, data json.RawMessage) ([]byte, error) {
	return append(dst, data...), nil
}

func (arrayFormat) ReadResponse(payload []byte, results *Results) error {
	values, ok := wire.Elements(payload, make([][]byte, 0, results.Len()))
	switch {
	case !ok:
		return errors.New("the response is no JSON array")
	case len(values) != results.Len():
		return fmt.Errorf("the response is an array of %d for %d records", len(values), results.Len())
	}
	for i, value := range values {
		results.Succeed(i, value)
	}
	return nil
}
