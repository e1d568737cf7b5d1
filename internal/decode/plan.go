package decode

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
	"unicode"
)

// A plan tells how the values of a type are read.
type plan struct {
	kind   kind
	fields []field // of a struct
	elem   *plan   // of a pointer or slice
}

// A field of a struct is one that JSON can set.
type field struct {
	name   []byte
	member string // how it mostly stands in an object: "name":
	index  int
	plan   *plan
}

type kind uint8

const (
	foreignKind kind = iota // encoding/json reads the value, and knows nothing of those around it
	stringKind
	boolKind
	intKind
	uintKind
	floatKind
	structKind
	pointerKind
	sliceKind
	rawKind
	timeKind
)

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()

	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// maxFields is how many fields of one struct can be told apart by the bits of a word.
const maxFields = 64

// newPlan makes the plan of t; nil if encoding/json is to read it as a whole.
func newPlan(t reflect.Type) *plan {
	pl := planner{plans: make(map[reflect.Type]*plan)}
	p := pl.plan(t)
	if pl.foreignCode || p.foreign() {
		return nil
	}
	return p
}

// foreign reports whether encoding/json is to read the value: it is slow to call for each
// element of a slice.
func (p *plan) foreign() bool {
	return p.kind == foreignKind || p.elem != nil && p.elem.kind == foreignKind
}

// A planner makes the plans of a type and of those it is made of.
type planner struct {
	plans map[reflect.Type]*plan

	// foreignCode is true if reading the type calls a method of the user's. Whoever
	// gives up in the middle and starts anew would call it twice.
	foreignCode bool
}

func (pl *planner) plan(t reflect.Type) *plan {
	if p := pl.plans[t]; p != nil {
		return p
	}
	p := new(plan)
	pl.plans[t] = p // before its elements: they may be of the same type
	switch t {
	case rawType:
		p.kind = rawKind
		return p
	case timeType:
		p.kind = timeKind
		return p
	case numberType:
		return p
	}
	if to := reflect.PointerTo(t); to.Implements(unmarshalerType) || to.Implements(textUnmarshalerType) {
		pl.foreignCode = true
		return p
	}
	switch t.Kind() {
	case reflect.String:
		p.kind = stringKind
	case reflect.Bool:
		p.kind = boolKind
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.kind = intKind
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.kind = uintKind
	case reflect.Float32, reflect.Float64:
		p.kind = floatKind
	case reflect.Struct:
		if fields, ok := pl.fields(t); ok {
			p.kind, p.fields = structKind, fields
		}
	case reflect.Pointer:
		p.kind, p.elem = pointerKind, pl.plan(t.Elem())
	case reflect.Slice:
		p.elem = pl.plan(t.Elem())
		if t.Elem().Kind() != reflect.Uint8 { // which stand in base64
			p.kind = sliceKind
		}
	case reflect.Map:
		pl.plan(t.Key())
		pl.plan(t.Elem())
	case reflect.Array:
		pl.plan(t.Elem())
	default:
	}
	return p
}

// fields returns the fields of a struct in their order. ok is false if encoding/json has
// rules for them that are not known here.
func (pl *planner) fields(t reflect.Type) (fields []field, ok bool) {
	ok = true
	names := make(map[string]bool)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		p := pl.plan(f.Type)
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		if f.Anonymous || !plainName(name) || !plainOptions(options) || names[name] {
			ok = false
		}
		names[name] = true
		fields = append(fields, field{[]byte(name), `"` + name + `":`, i, p})
	}
	return fields, ok && len(fields) <= maxFields
}

// plainName reports whether a tag's name is one that nobody takes for anything else.
func plainName(name string) bool {
	for _, c := range name {
		if c != '_' && c != '-' && c != '.' && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return true
}

// plainOptions reports whether a tag's options matter only to those who write JSON.
func plainOptions(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "", "omitempty", "omitzero":
		default:
			return false
		}
	}
	return true
}
