package wire

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deep encoding/json lets arrays and objects nest. The limit
// also bounds the stack that a hostile document can take.
const maxDepth = 10_000

// Valid reports whether data is exactly one JSON value, as encoding/json.Valid
// does: white space around it is fine, invalid UTF-8 inside of strings too.
func Valid(data []byte) bool {
	s := Scan(data)
	s.Skip()
	return s.Finish()
}

// Scan starts at the beginning of data.
func Scan(data []byte) Scanner { return Scanner{data: data} }

// Scanner walks through one JSON document and validates all that it passes.
//
// It has no errors to check on the way: what cannot be JSON sends it to the end
// of the data, where each further step fails as well and each loop ends. Only
// Finish tells whether what was read may be believed.
type Scanner struct {
	data   []byte
	pos    int
	depth  int
	failed bool
	bad    int // the offset of the first byte that cannot be, once failed
}

func (s *Scanner) fail(at int) {
	if !s.failed {
		s.failed, s.bad = true, at
	}
	s.pos = len(s.data)
}

// failAt is fail, and returns the offset to go on from.
func (s *Scanner) failAt(at int) int {
	s.fail(at)
	return s.pos
}

// Finish reports whether the document was valid, and ends here.
func (s *Scanner) Finish() bool {
	s.Peek()
	if s.pos < len(s.data) {
		s.fail(s.pos)
	}
	return !s.failed
}

// Peek steps over white space and returns the byte behind it; 0, which is never
// part of JSON, at the end.
func (s *Scanner) Peek() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	return s.peekFar()
}

// peekFar is the rest of Peek, apart so that Peek is inlined.
func (s *Scanner) peekFar() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// Enter steps over the bracket at hand and reports whether anything may come
// before the closing one. With More, it makes the loop over an object or array:
//
//	for ok := s.Enter(']'); ok; ok = s.More(']') {
func (s *Scanner) Enter(closing byte) bool {
	if s.depth == maxDepth {
		s.fail(s.pos)
		return false
	}
	s.depth++
	s.pos++
	if s.Peek() == closing {
		s.pos++
		s.depth--
		return false
	}
	return true
}

// More steps over a comma, or over the closing bracket and reports false.
func (s *Scanner) More(closing byte) bool {
	switch s.Peek() {
	case ',':
		s.pos++
		return true
	case closing:
		s.pos++
		s.depth--
		return false
	}
	s.fail(s.pos)
	return false
}

// key returns the name of an object's next member, and stops before its value.
func (s *Scanner) key() []byte {
	name := s.Text()
	s.Colon()
	return name
}

// Colon steps over what stands between a name and its value.
func (s *Scanner) Colon() {
	if s.Peek() != ':' {
		s.fail(s.pos)
		return
	}
	s.pos++
}

// Take steps over text, which must be whole pieces of JSON, if the data goes on with it.
func (s *Scanner) Take(text string) bool {
	if rest := s.data[s.pos:]; len(rest) < len(text) || string(rest[:len(text)]) != text {
		return false
	}
	s.pos += len(text)
	return true
}

// Value steps over one value and returns it as it stands in the data.
func (s *Scanner) Value() []byte {
	s.Peek()
	start := s.pos
	s.Skip()
	return s.data[start:s.pos:s.pos]
}

func (s *Scanner) literal(word string) {
	for i := range len(word) {
		if s.pos == len(s.data) || s.data[s.pos] != word[i] {
			s.fail(s.pos)
			return
		}
		s.pos++
	}
}

func (s *Scanner) number() {
	if s.at(s.pos) == '-' {
		s.pos++
	}
	if s.at(s.pos) == '0' {
		s.pos++ // and no digit behind it
	} else {
		s.digits()
	}
	if s.at(s.pos) == '.' {
		s.pos++
		s.digits()
	}
	if c := s.at(s.pos); c == 'e' || c == 'E' {
		s.pos++
		if c := s.at(s.pos); c == '+' || c == '-' {
			s.pos++
		}
		s.digits()
	}
}

// Integer steps over an integer of at most 19 digits, which fits into a uint64, and
// returns it without its sign. It stays where it is if there is anything else.
func (s *Scanner) Integer() (n uint64, negative, ok bool) {
	start := s.pos
	if s.at(start) == '-' {
		negative = true
		start++
	}
	i := start
	for ; i < len(s.data) && '0' <= s.data[i] && s.data[i] <= '9'; i++ {
		n = n*10 + uint64(s.data[i]-'0')
	}
	if i == start || i > start+19 || s.data[start] == '0' && i > start+1 {
		return 0, false, false
	}
	switch s.at(i) {
	case '.', 'e', 'E':
		return 0, false, false
	}
	s.pos = i
	return n, negative, true
}

// digits steps over one digit or more.
func (s *Scanner) digits() {
	i := s.pos
	for i < len(s.data) && '0' <= s.data[i] && s.data[i] <= '9' {
		i++
	}
	if i == s.pos {
		s.fail(i)
		return
	}
	s.pos = i
}

// at returns the byte at i, or 0 behind the end.
func (s *Scanner) at(i int) byte {
	if i < len(s.data) {
		return s.data[i]
	}
	return 0
}

// Str steps over a string and returns what stands between its quotes, and
// whether a part of it is escaped.
func (s *Scanner) Str() (raw []byte, escaped bool) {
	if s.Peek() != '"' {
		s.fail(s.pos)
		return nil, false
	}
	start := s.pos + 1
	end := plainEnd(s.data, start)
	if end < len(s.data) && s.data[end] == '"' {
		s.pos = end + 1
		return s.data[start:end:end], false
	}
	return s.strFrom(start, end)
}

// strFrom is the rest of Str, for a string that is not plain up to its end. What is before i
// is.
func (s *Scanner) strFrom(start, i int) (raw []byte, escaped bool) {
	for ; ; i = plainEnd(s.data, i) {
		switch s.at(i) {
		case '"':
			s.pos = i + 1
			return s.data[start:i:i], escaped
		case '\\':
			escaped = true
			n, ok := s.escape(i)
			if !ok {
				s.fail(n)
				return nil, false
			}
			i = n
		default:
			s.fail(i)
			return nil, false
		}
	}
}

// escape returns the offset behind the escape sequence at i, or that of the
// byte which spoils it.
func (s *Scanner) escape(i int) (end int, ok bool) {
	switch s.at(i + 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, true
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if _, ok := hexDigit(s.at(j)); !ok {
				return j, false
			}
		}
		return i + 6, true
	}
	return i + 1, false
}

// plainEnd returns the offset of the first byte from i on which means something
// in a string: a quote, a backslash, a control character; or the end.
func plainEnd(data []byte, i int) int {
	if i+8 <= len(data) { // many strings are short
		if m := special(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	for ; i+32 <= len(data); i += 32 { // which mean nothing, mostly
		four := data[i : i+32]
		a, b := binary.LittleEndian.Uint64(four), binary.LittleEndian.Uint64(four[8:])
		c, d := binary.LittleEndian.Uint64(four[16:]), binary.LittleEndian.Uint64(four[24:])
		if special(a)|special(b)|special(c)|special(d) != 0 {
			break
		}
	}
	for ; i+8 <= len(data); i += 8 {
		if m := special(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(data) && data[i] >= ' ' && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}

// special looks at eight bytes at once: the lowest bit set in its answer is in
// the first byte that is a quote, a backslash or below the space. Less than n
// shows as the high bit that a byte borrows when n is taken from it, unless the
// byte had it before; the borrow spoils only the bytes behind a first hit.
func special(w uint64) uint64 {
	const each = 0x0101010101010101 // times a byte: that byte in all eight places
	quote := (w ^ each*'"') - each
	backslash := (w ^ each*'\\') - each
	control := w - each*' '
	return (quote | backslash | control) &^ w & (each * 0x80)
}
