package wire

// maxErrorText keeps a function that puts its input into its errors from
// filling the caller's logs.
const maxErrorText = 4 << 10

// FunctionError is what a failed function answers with:
//
//	{"errorMessage":…,"errorType":…,"stackTrace":…}
type FunctionError struct {
	Type, Message string

	// Trace is stackTrace, or trace as Node calls it: raw JSON that aliases the
	// payload, an array of strings, one of objects (Go), or a string.
	Trace []byte
}

// ParseFunctionError reads the payload of a failed function. What is missing or
// of another kind is left empty; ok is false if payload is not a JSON object
// with at least an errorMessage or an errorType. Of doubled members the last of
// the right kind counts. A text longer than 4 KiB is cut.
func ParseFunctionError(payload []byte) (e FunctionError, ok bool) {
	s := Scan(payload)
	if s.Peek() != '{' {
		return FunctionError{}, false
	}
	for more := s.Enter('}'); more; more = s.More('}') {
		switch string(s.key()) {
		case "errorMessage":
			if words, isString := s.Words(); isString {
				e.Message, ok = cut(words, maxErrorText), true
			}
		case "errorType":
			if words, isString := s.Words(); isString {
				e.Type, ok = cut(words, maxErrorText), true
			}
		case "stackTrace", "trace":
			if first := s.Peek(); first == '[' || first == '"' {
				e.Trace = s.Value()
			} else {
				s.Skip()
			}
		default:
			s.Skip()
		}
	}
	if !s.Finish() || !ok {
		return FunctionError{}, false
	}
	return e, true
}
