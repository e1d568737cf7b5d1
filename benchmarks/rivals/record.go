package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// recordSize is how many bytes the data of a record has.
const recordSize = 200

// record is what the batchers are given. All are made before the clock starts, so
// that no row pays for making them.
type record struct {
	number uint64 // what a result is known by
	data   []byte // JSON of an order with this number, recordSize bytes
	text   []byte // JSON of a string that begins with this number, as many bytes
}

// order is what the data of a record is of, and of a result.
type order struct {
	Number uint64 `json:"number"`
	Item   string `json:"item"`
	Count  int    `json:"count"`
	Cents  int    `json:"cents"`
	Gift   bool   `json:"gift"`
	Note   string `json:"note"`
}

// The digits of the number in the data. All numbers have as many, so that what has to
// be cheap need not parse.
const (
	firstNumber = 10_000_000
	digitsFrom  = len(`{"number":`)
	digitsTo    = digitsFrom + 8
)

// digits is the number in the data of a record, as it stands there.
func digits(data []byte) []byte { return data[digitsFrom:digitsTo] }

// textDigits is the number in the text of a record.
func textDigits(text []byte) []byte { return text[1:9] }

func dataOf(r *record) json.RawMessage { return r.data }

func textOf(r *record) json.RawMessage { return r.text }

// number reads digits.
func number(digits []byte) uint64 {
	var n uint64
	for _, c := range digits {
		n = 10*n + uint64(c-'0')
	}
	return n
}

// poolSize is how many records there are. They go round: so many fit into the caches
// of most machines, and a million would measure the memory instead of the batchers.
const poolSize = 1 << 14

// What is asked for must leave each producer more records than it may have pending.
const (
	pending      = 1024 // records of a producer whose results it has not awaited yet
	maxProducers = poolSize / (2 * pending)
	maxBatch     = pending // more than that would never come together from one producer
)

// newPool makes the records.
func newPool() []*record {
	const (
		head = `{"number":%d,"item":"Darjeeling first flush","count":3,"cents":1895,"gift":true,"note":"`
		note = "Please leave it with the neighbour on the second floor; the bell is slow, ring twice. "
		tail = `"}`
	)
	pool := make([]*record, poolSize)
	for i := range pool {
		n := firstNumber + uint64(i)
		data := fmt.Appendf(make([]byte, 0, recordSize), head, n)
		data = append(data, strings.Repeat(note, 3)[:recordSize-len(data)-len(tail)]...)
		data = append(data, tail...)
		text := fmt.Appendf(make([]byte, 0, recordSize), `"%d`, n)
		text = append(text, strings.Repeat(".", recordSize-len(text)-1)...)
		pool[i] = &record{n, data, append(text, '"')}
	}
	return pool
}
