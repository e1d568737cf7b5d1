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
	s := scanner{data: payload}
	if s.peek() != '{' {
		return records, false, nil
	}
	problem := ""
	for more := s.enter('}'); more; more = s.more('}') {
		name := s.key()
		if string(name) != "records" || s.peek() != '[' || ok {
			s.skip()
			continue
		}
		ok = true
		n := 0
		for more := s.enter(']'); more; more = s.more(']') {
			r := scanRequest(&s)
			if problem == "" && (r.Raw == nil || r.Data == nil) {
				problem = fmt.Sprintf("record %d has no id of type string, or no data", n)
			}
			records = append(records, r)
			n++
		}
	}
	if !s.finish() {
		return records, ok, &SyntaxError{Offset: s.bad}
	}
	if problem != "" {
		return records, ok, fmt.Errorf("%s", problem)
	}
	return records, ok, nil
}

func scanRequest(s *scanner) Request {
	var r Request
	if s.peek() != '{' {
		s.skip()
		return r
	}
	for more := s.enter('}'); more; more = s.more('}') {
		switch name := s.key(); {
		case string(name) == "id" && s.peek() == '"':
			start := s.pos
			r.ID = s.text()
			r.Raw = s.data[start:s.pos:s.pos]
		case string(name) == "data":
			r.Data = s.value()
		default:
			s.skip()
		}
	}
	return r
}

// Member is the value of the first member of this name in an object; nil if
// document is not an object, or has none, or is not valid.
func Member(document []byte, name string) []byte {
	s := scanner{data: document}
	if s.peek() != '{' {
		return nil
	}
	var found []byte
	for more := s.enter('}'); more; more = s.more('}') {
		if key := s.key(); found == nil && string(key) == name {
			found = s.value()
		} else {
			s.skip()
		}
	}
	if !s.finish() {
		return nil
	}
	return found
}

// Elements appends the elements of an array to elements. ok is false if document is
// no valid array.
func Elements(document []byte, elements [][]byte) (_ [][]byte, ok bool) {
	s := scanner{data: document}
	if s.peek() != '[' {
		return elements, false
	}
	for more := s.enter(']'); more; more = s.more(']') {
		elements = append(elements, s.value())
	}
	return elements, s.finish()
}
