package wire

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text steps over a string and returns what it says: a part of the data unless
// it has escapes. Invalid UTF-8 stays as it came, so that an ID which was never
// sent cannot be taken for one that was.
func (s *Scanner) Text() []byte {
	raw, escaped := s.Str()
	if escaped {
		return unescape(raw)
	}
	return raw
}

// Words steps over a value which is for people to read; ok is false if it is
// not a string.
func (s *Scanner) Words() (words string, ok bool) {
	if s.Peek() != '"' {
		s.Skip()
		return "", false
	}
	return legible(s.Text()), true
}

// legible copies text and makes it valid UTF-8 in the way of encoding/json: one
// U+FFFD for each byte that is none.
func legible(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return string([]rune(string(text)))
}

// cut shortens valid text to at most n bytes of whole characters, in a copy that
// does not hold on to the rest.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n])
}

// unescape returns a copy of what stood between the quotes of a valid string,
// escapes replaced. Half a surrogate pair becomes U+FFFD.
func unescape(raw []byte) []byte {
	text := make([]byte, 0, len(raw)) // no escape is shorter than what it stands for
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(text, raw...)
		}
		text = append(text, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			r := hexRune(raw)
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, lowHalf(raw))
				if r != utf8.RuneError {
					raw = raw[6:]
				}
			}
			text = utf8.AppendRune(text, r)
		default: // a quote, a backslash, a slash
			text = append(text, c)
		}
	}
}

// lowHalf returns the \u escape that raw begins with; without one, a rune which
// completes no surrogate pair.
func lowHalf(raw []byte) rune {
	if !bytes.HasPrefix(raw, []byte(`\u`)) {
		return utf8.RuneError
	}
	return hexRune(raw[2:])
}

func hexRune(raw []byte) rune {
	var r rune
	for _, c := range raw[:4] {
		digit, _ := hexDigit(c)
		r = r<<4 | rune(digit)
	}
	return r
}

func hexDigit(c byte) (digit byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
