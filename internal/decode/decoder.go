// Package decode reads JSON into Go values as encoding/json does, only faster: in one
// pass, along a plan that is made once for a type.
//
// It knows the plain cases, and leaves the others to encoding/json: types that it has no
// plan for, and data that it stumbles over. All errors are encoding/json's for that
// reason.
package decode

import (
	"encoding/json"
	"reflect"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// Decoder reads values of type T. It is safe for concurrent use.
type Decoder[T any] struct {
	root *plan // nil: encoding/json reads all of it
	self bool  // T reads itself, by its UnmarshalJSON
}

// New makes a Decoder. It looks at T, which may be any type, with reflection.
func New[T any]() *Decoder[T] {
	t := reflect.TypeFor[T]()
	if root := newPlan(t); root != nil {
		return &Decoder[T]{root: root}
	}
	return &Decoder[T]{self: reflect.PointerTo(t).Implements(unmarshalerType)}
}

// Decode does what json.Unmarshal does, to out and in its error, whatever data is. It is
// faster if data is valid, and free of surprises: names in the case that T gives them,
// and no name twice. *out must be the zero value.
func (d *Decoder[T]) Decode(data []byte, out *T) error {
	s := wire.Scan(data)
	switch {
	case d.self:
		// At the top, null is a value like any other for UnmarshalJSON.
		if value := s.Value(); s.Finish() {
			return any(out).(json.Unmarshaler).UnmarshalJSON(value)
		}
	case d.root != nil:
		if d.root.read(&s, reflect.ValueOf(out).Elem()) && s.Finish() {
			return nil
		}
		*out = *new(T) // what was read by then
	}
	return json.Unmarshal(data, out)
}
