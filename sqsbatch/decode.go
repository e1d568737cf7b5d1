package sqsbatch

import (
	"encoding/json"
	"errors"
)

// decoderOf is how a message becomes an In.
func decoderOf[In any](option string, given any) (func(Message) (In, error), error) {
	f, err := functionOf[func(Message) (In, error)](option, "the default", given)
	if f == nil {
		f = decodeBody[In]
	}
	return f, err
}

// decodeBody makes an In of the body alone.
func decodeBody[In any](m Message) (In, error) {
	var in In
	switch to := any(&in).(type) {
	case *string:
		*to = m.Body
		return in, nil
	case *json.RawMessage:
		if !json.Valid([]byte(m.Body)) {
			return in, errors.New("it is not JSON")
		}
		*to = json.RawMessage(m.Body)
		return in, nil
	}
	err := json.Unmarshal([]byte(m.Body), &in)
	return in, err
}
