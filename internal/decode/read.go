package decode

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// read reads the value at hand into v, which is the zero value. It gives up and returns
// false where encoding/json might have to say something; v may be anything then. With
// true, it still takes the Scanner's Finish to know that all was valid.
func (p *plan) read(s *wire.Scanner, v reflect.Value) bool {
	first := s.Peek()
	switch {
	case p.foreign():
		return json.Unmarshal(s.Value(), v.Addr().Interface()) == nil
	case first == 'n' && p.kind != rawKind: // leaves it what it is
		s.Skip()
		return true
	}
	switch p.kind {
	case rawKind:
		v.SetBytes(bytes.Clone(s.Value()))
		return true
	case stringKind:
		text, ok := s.Words()
		v.SetString(text)
		return ok
	case boolKind:
		yes := s.Take("true")
		v.SetBool(yes)
		return yes || s.Take("false")
	case intKind:
		magnitude, negative, ok := s.Integer()
		if !ok || magnitude > math.MaxInt64 {
			return false
		}
		n := int64(magnitude)
		if negative {
			n = -n
		}
		v.SetInt(n)
		return !v.OverflowInt(n)
	case uintKind:
		n, negative, ok := s.Integer()
		v.SetUint(n)
		return ok && !negative && !v.OverflowUint(n)
	case floatKind:
		n, err := strconv.ParseFloat(string(s.Value()), v.Type().Bits())
		v.SetFloat(n)
		return err == nil
	case structKind:
		return first == '{' && p.object(s, v)
	case pointerKind:
		v.Set(reflect.New(v.Type().Elem()))
		return p.elem.read(s, v.Elem())
	case sliceKind:
		return first == '[' && p.array(s, v)
	case timeKind:
		return v.Addr().Interface().(*time.Time).UnmarshalJSON(s.Value()) == nil
	default:
		return false
	}
}

// object reads the object at hand into v, a struct.
func (p *plan) object(s *wire.Scanner, v reflect.Value) bool {
	var seen uint64
	next := 0 // the field that is likely to come: they mostly come in the struct's order
	for more := s.Enter('}'); more; more = s.More('}') {
		i := next
		if i == len(p.fields) || !s.Take(p.fields[i].member) {
			name, escaped := s.Str()
			s.Colon()
			var ok bool
			if i, ok = p.find(name); escaped || !ok {
				return false
			}
		}
		if i < 0 {
			s.Skip()
			continue
		}
		// Into what is there already encoding/json reads differently.
		if seen&(1<<i) != 0 {
			return false
		}
		seen |= 1 << i
		next = i + 1
		if f := &p.fields[i]; !f.plan.read(s, v.Field(f.index)) {
			return false
		}
	}
	return true
}

// find returns the number of the field with this name, or -1. ok is false if a field's
// name is the same but for the case.
func (p *plan) find(name []byte) (i int, ok bool) {
	for i := range p.fields {
		if bytes.Equal(p.fields[i].name, name) {
			return i, true
		}
	}
	for i := range p.fields {
		if bytes.EqualFold(p.fields[i].name, name) {
			return -1, false
		}
	}
	return -1, true
}

// array reads the array at hand into v, a slice.
func (p *plan) array(s *wire.Scanner, v reflect.Value) bool {
	n := 0
	for more := s.Enter(']'); more; more = s.More(']') {
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		if !p.elem.read(s, v.Index(n)) {
			return false
		}
		n++
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return true
}
