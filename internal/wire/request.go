package wire

import "unicode/utf8"

// The request is RequestOpen, records with a RequestSeparator between any two,
// and RequestClose:
//
//	{"records":[{"id":"1","data":…},{"id":"2","data":…}]}
const (
	RequestOpen      = `{"records":[`
	RequestSeparator = `,`
	RequestClose     = `]}`
)

const (
	recordOpen  = `{"id":"`
	recordData  = `","data":`
	recordClose = `}`

	replacement = "\uFFFD" // for each byte of an ID that is not UTF-8
)

// RecordRoom returns as many bytes as AppendRecord appends at the most.
func RecordRoom(id string, data []byte) int {
	const longest = 6 // bytes, of what one byte can become: \u0000
	return len(recordOpen) + longest*len(id) + len(recordData) + len(data) + len(recordClose)
}

// AppendRecord appends one record to dst, without a separator. The caller has
// made sure that data is Valid; it goes in byte for byte.
func AppendRecord(dst []byte, id string, data []byte) []byte {
	dst = append(dst, recordOpen...)
	dst = appendEscaped(dst, id)
	dst = append(dst, recordData...)
	dst = append(dst, data...)
	return append(dst, recordClose...)
}

// RecordData is the data in what AppendRecord has written for id.
func RecordData(record []byte, id string) []byte {
	return record[len(recordOpen)+escapedLen(id)+len(recordData) : len(record)-len(recordClose)]
}

// escapedLen returns how many bytes appendEscaped appends.
func escapedLen(text string) int {
	n := len(text)
	if asItIs(text) {
		return n
	}
	for i := 0; i < len(text); {
		size, escape := nextEscape(text, i)
		if escape {
			n += escapeLen(text[i]) - size
		}
		i += size
	}
	return n
}

// escapeLen returns the length of what replaces c.
func escapeLen(c byte) int {
	switch {
	case c < ' ':
		return len(`\u0000`)
	case c < utf8.RuneSelf:
		return len(`\"`)
	}
	return len(replacement)
}

// appendEscaped appends text as it stands between the quotes of a JSON string.
// It escapes what RFC 8259 demands and no more.
func appendEscaped(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	if asItIs(text) {
		return append(dst, text...)
	}
	start := 0
	for i := 0; i < len(text); {
		size, escape := nextEscape(text, i)
		if escape {
			dst = append(dst, text[start:i]...)
			switch c := text[i]; {
			case c < ' ':
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
			case c < utf8.RuneSelf:
				dst = append(dst, '\\', c)
			default:
				dst = append(dst, replacement...)
			}
			start = i + size
		}
		i += size
	}
	return append(dst, text[start:]...)
}

// asItIs tells whether text can stand in a JSON string without escapes, as nearly all can.
func asItIs(text string) bool {
	return plainEnd([]byte(text), 0) == len(text) && utf8.ValidString(text)
}

// nextEscape returns the size of the character at i, and whether it cannot
// stand in a JSON string as it is.
func nextEscape(text string, i int) (size int, escape bool) {
	if c := text[i]; c < utf8.RuneSelf {
		return 1, c < ' ' || c == '"' || c == '\\'
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	return size, r == utf8.RuneError && size == 1
}
