// Package orders makes the records that the benchmarks send.
package orders

import (
	"fmt"
	"strings"
)

// Size is how many bytes of JSON a record has, where nothing else is said, and each
// result.
const Size = 200

// Record is what batchers are given. All are made before the clock starts, so that
// nobody pays for making them.
type Record struct {
	Number uint64 // what a result is known by
	Data   []byte // JSON of an Order with this number
	Text   []byte // JSON of a string that begins with this number, as many bytes
}

// Order is what the data of a record is of, and of a result.
type Order struct {
	Number uint64 `json:"number"`
	Item   string `json:"item"`
	Count  int    `json:"count"`
	Cents  int    `json:"cents"`
	Gift   bool   `json:"gift"`
	Note   string `json:"note"`
}

// First is the number of a pool's first record. All numbers have as many digits, so
// that what has to be cheap need not parse.
const First = 10_000_000

const (
	digitsFrom = len(`{"number":`)
	digitsTo   = digitsFrom + 8
)

// Digits is the number in the data of a record, as it stands there.
func Digits(data []byte) []byte { return data[digitsFrom:digitsTo] }

// TextDigits is the number in the text of a record.
func TextDigits(text []byte) []byte { return text[1 : 1+digitsTo-digitsFrom] }

// Number reads digits.
func Number(digits []byte) uint64 {
	var n uint64
	for _, c := range digits {
		n = 10*n + uint64(c-'0')
	}
	return n
}

// Pool makes n records, each of size bytes, which must be 200 at the least.
func Pool(n, size int) []*Record {
	const (
		head = `{"number":%d,"item":"Darjeeling first flush","count":3,"cents":1895,"gift":true,"note":"`
		note = "Please leave it with the neighbour on the second floor; the bell is slow, ring twice. "
		tail = `"}`
	)
	notes := strings.Repeat(note, size/len(note)+1)
	dots := strings.Repeat(".", size)
	bytes := make([]byte, 0, 2*n*size)
	records := make([]Record, n)
	pool := make([]*Record, n)
	for i := range pool {
		r := &records[i]
		r.Number = First + uint64(i)
		from := len(bytes)
		bytes = fmt.Appendf(bytes, head, r.Number)
		bytes = append(bytes, notes[:from+size-len(bytes)-len(tail)]...)
		bytes = append(bytes, tail...)
		r.Data = bytes[from:len(bytes):len(bytes)]
		from = len(bytes)
		bytes = fmt.Appendf(bytes, `"%d`, r.Number)
		bytes = append(bytes, dots[:from+size-len(bytes)-1]...)
		bytes = append(bytes, '"')
		r.Text = bytes[from:len(bytes):len(bytes)]
		pool[i] = r
	}
	return pool
}

// result is the data of a result, but for its number.
var result = Pool(1, Size)[0].Data

// AppendResult appends the result of a record: Size bytes with the record's number, as
// many of which the data of a record begins with.
func AppendResult(dst, data []byte) []byte {
	return append(append(dst, data[:digitsTo]...), result[digitsTo:]...)
}
