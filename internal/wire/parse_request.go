package wire

import "fmt"

// Request is one record of a request. All of it aliases the payload.
type Request struct {
	ID   []byte // what the ID says; a copy if it is escaped
	Raw  []byte // the ID as it stands, with its quotes
	Data []byte
}

// ParseRequest appends the records of a request to records. ok is false if payload
// is something else: no object, or one without an array of records. An error means
// that it is a request, and cannot be understood.
func ParseRequest(payload []byte, records []Request) (_ []Request, ok bool, _ error) {
	s := Scan(payload)
	if s.Peek() != '{' {
		return records, false, nil
	}
	problem := ""
	for more := s.Enter('}'); more; more = s.More('}') {
		name := s.key()
		if string(name) != "records" || s.Peek() != '[' || ok {
			s.Skip()
			continue
		}
		ok = true
		n := 0
		for more := s.Enter(']'); more; more = s.More(']') {
			r := scanRequest(&s)
			if problem == "" && (r.Raw == nil || r.Data == nil) {
				problem = fmt.Sprintf("record %d has no id of type string, or no data", n)
			}
			records = append(records, r)
			n++
		}
	}
	if !s.Finish() {
		return records, ok, &SyntaxError{Offset: s.bad}
	}
	if problem != "" {
		return records, ok, fmt.Errorf("%s", problem)
	}
	return records, ok, nil
}

func scanRequest(s *Scanner) Request {
	var r Request
	if s.Peek() != '{' {
		s.Skip()
		return r
	}
	for more := s.Enter('}'); more; more = s.More('}') {
		switch name := s.key(); {
		case string(name) == "id" && s.Peek() == '"':
			start := s.pos
			r.ID = s.Text()
			r.Raw = s.data[start:s.pos:s.pos]
		case string(name) == "data":
			r.Data = s.Value()
		default:
			s.Skip()
		}
	}
	return r
}

// Member is the value of the first member of this name in an object; nil if
// document is not an object, or has none, or is not valid.
func Member(document []byte, name string) []byte {
	s := Scan(document)
	if s.Peek() != '{' {
		return nil
	}
	var found []byte
	for more := s.Enter('}'); more; more = s.More('}') {
		if key := s.key(); found == nil && string(key) == name {
			found = s.Value()
		} else {
			s.Skip()
		}
	}
	if !s.Finish() {
		return nil
	}
	return found
}

// Elements appends the elements of an array to elements. ok is false if document is
// no valid array.
func Elements(document []byte, elements [][]byte) (_ [][]byte, ok bool) {
	s := Scan(document)
	if s.Peek() != '[' {
		return elements, false
	}
	for more := s.Enter(']'); more; more = s.More(']') {
		elements = append(elements, s.Value())
	}
	return elements, s.Finish()
}
