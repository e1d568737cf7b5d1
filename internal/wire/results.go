package wire

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// What makes a response useless as a whole. A body that is not JSON is a
// *SyntaxError.
var (
	ErrEmpty        = errors.New("the response is empty")
	ErrNotObject    = errors.New("the response is not a JSON object")
	ErrNoResults    = errors.New(`the response has no "results"`)
	ErrResultsTwice = errors.New(`the response has "results" twice`)
	ErrNotArray     = errors.New(`the response's "results" is not an array`)
)

// SyntaxError says where a response ceases to be JSON.
type SyntaxError struct {
	Offset int // of the first byte that cannot be there; the length if it ends too early
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("the response is not JSON from byte %d on", e.Offset)
}

// Result is one element of {"results":[…]}. Its byte slices alias the payload,
// but for strings that came with escapes.
type Result struct {
	ID []byte

	// Status is the word as it came: "success", "failure", "retry" or another;
	// the raw JSON of what is not a string; nil if absent or null.
	Status []byte

	Data []byte // raw JSON, perhaps null; nil if absent

	// From "error": its type and message, or a plain string as the message. Of
	// an error that has neither, the message is the beginning of its raw JSON.
	ErrorType, ErrorMessage string

	// RetryAfter is retryAfterMs within [0, 15 min]; 0 if it is not a number.
	RetryAfter time.Duration

	// Malformed says why the element cannot be matched to any record. It is
	// empty for a good one; else nothing but it is set.
	Malformed string
}

const (
	notAnObject = "not an object"
	noID        = "no id"
	idNotString = "id is not a string"
	idTwice     = "id given twice"
)

const (
	maxRetryAfter = 15 * time.Minute // a function's own longest run: no wait for one can be meant longer
	maxRawError   = 256
)

// ParseResults appends the results in payload to results. It validates the whole
// of payload in the same pass; with an error it returns results as they were,
// and nothing in payload can be trusted. A malformed element harms no other.
//
// Names match exactly. Unknown members are skipped, and of doubled ones the last
// counts, except for results and id: of two, neither is to be believed.
func ParseResults(payload []byte, results []Result) ([]Result, error) {
	s := Scan(payload)
	parsed, err := scanResponse(&s, results)
	if !s.Finish() {
		err = &SyntaxError{Offset: s.bad}
	}
	if err != nil {
		return results, err
	}
	return parsed, nil
}

func scanResponse(s *Scanner, results []Result) ([]Result, error) {
	first := s.Peek()
	if s.pos == len(s.data) {
		return nil, ErrEmpty
	}
	if first != '{' {
		s.Skip()
		return nil, fmt.Errorf("%w but %s", ErrNotObject, kind(first))
	}
	err := ErrNoResults
	seen := false
	for ok := s.Enter('}'); ok; ok = s.More('}') {
		switch key := s.key(); {
		case string(key) != "results":
			s.Skip()
		case seen:
			s.Skip()
			err = ErrResultsTwice
		default:
			seen = true
			results, err = scanResults(s, results)
		}
	}
	return results, err
}

func scanResults(s *Scanner, results []Result) ([]Result, error) {
	if first := s.Peek(); first != '[' {
		s.Skip()
		return nil, fmt.Errorf("%w but %s", ErrNotArray, kind(first))
	}
	for ok := s.Enter(']'); ok; ok = s.More(']') {
		results = append(results, Result{Malformed: noID}) // until one comes
		scanResult(s, &results[len(results)-1])
	}
	return results, nil
}

func scanResult(s *Scanner, r *Result) {
	if s.Peek() != '{' {
		s.Skip()
		r.Malformed = notAnObject
		return
	}
	likely := usual[:]
	for ok := s.Enter('}'); ok; ok = s.More('}') {
		var key []byte
		if len(likely) > 0 && s.Take(likely[0].member) {
			key, likely = likely[0].key, likely[1:]
		} else {
			key = s.key()
		}
		switch string(key) {
		case "id":
			switch {
			case r.Malformed != noID:
				s.Skip()
				r.Malformed = idTwice
			case s.Peek() != '"':
				s.Skip()
				r.Malformed = idNotString
			default:
				r.ID = s.Text()
				r.Malformed = ""
			}
		case "status":
			r.Status = scanStatus(s)
		case "data":
			r.Data = s.Value()
		case "error":
			r.ErrorType, r.ErrorMessage = scanError(s)
		case "retryAfterMs":
			r.RetryAfter = scanRetryAfter(s)
		default:
			s.Skip()
		}
	}
	if r.Malformed != "" {
		*r = Result{Malformed: r.Malformed}
	}
}

// usual is the members of a result in the order in which they mostly stand there.
var usual = [...]struct {
	key    []byte
	member string
}{
	{[]byte("id"), `"id":`},
	{[]byte("status"), `"status":`},
	{[]byte("data"), `"data":`},
}

func scanStatus(s *Scanner) []byte {
	switch s.Peek() {
	case '"':
		return s.Text()
	case 'n':
		s.Skip()
		return nil
	}
	return s.Value()
}

func scanError(s *Scanner) (typ, message string) {
	switch s.Peek() {
	case '"':
		message, _ = s.Words()
		return "", message
	case 'n':
		s.Skip()
		return "", ""
	case '{':
	default:
		return "", cut(legible(s.Value()), maxRawError)
	}
	start := s.pos
	var hasType, hasMessage bool
	for ok := s.Enter('}'); ok; ok = s.More('}') {
		switch string(s.key()) {
		case "type":
			typ, hasType = s.Words()
		case "message":
			message, hasMessage = s.Words()
		default:
			s.Skip()
		}
	}
	if !hasType && !hasMessage {
		// Written for another convention: better all of it than nothing.
		message = cut(legible(s.data[start:s.pos]), maxRawError)
	}
	return typ, message
}

func scanRetryAfter(s *Scanner) time.Duration {
	switch s.Peek() {
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
	default:
		s.Skip()
		return 0
	}
	// The error can only be one of range, and then the value is infinite.
	ms, _ := strconv.ParseFloat(string(s.Value()), 64)
	ms = min(max(ms, 0), float64(maxRetryAfter/time.Millisecond))
	return time.Duration(ms * float64(time.Millisecond))
}

// kind names the kind of value which begins with first.
func kind(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
