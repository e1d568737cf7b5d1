// Package function is the function that the benchmarks invoke. It takes as little time
// as is possible: it knows how long a record is, and copies.
package function

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// What the function reads, and what it writes.
const (
	requestOpen, requestClose = `{"records":[`, `]}`
	recordOpen, recordData    = `{"id":"`, `","data":`
	responseOpen              = `{"results":[`
	resultStatus              = `,"status":"success"`
)

var errRequest = errors.New("the function does not understand the request")

// Answer is the response to a request of n records that have size bytes each: success
// for each, with 200 bytes of data. It is in new memory, as the SDK's client has it:
// who gets it may keep it. see, if there is one, is told of each record's number.
func Answer(in []byte, size int, see func(number uint64)) (out []byte, n int, err error) {
	in, ok := bytes.CutPrefix(in, []byte(requestOpen))
	if !ok {
		return nil, 0, errRequest
	}
	out = append(make([]byte, 0, room(in, size)), responseOpen...)
	for {
		var id, data []byte
		if id, data, in, ok = cutRecord(in, size); !ok {
			return nil, 0, errRequest
		}
		if see != nil {
			see(orders.Number(orders.Digits(data)))
		}
		n++
		out = append(out, recordOpen...)
		out = append(out, id...)
		out = append(out, '"')
		out = append(out, resultStatus...)
		out = append(out, recordData[1:]...)
		out = orders.AppendResult(out, data)
		out = append(out, '}')
		if in[0] != ',' {
			break
		}
		out = append(out, ',')
		in = in[1:]
	}
	if string(in) != requestClose {
		return nil, 0, errRequest
	}
	return append(out, requestClose...), n, nil
}

// room is enough for the response, if no ID is much longer than the first one.
func room(in []byte, size int) int {
	envelope := max(0, bytes.IndexByte(in, ',')) + len(recordData) // of a record, with its ID
	return len(responseOpen) + (len(in)/(size+envelope)+1)*(envelope+len(resultStatus)+orders.Size)
}

// cutRecord cuts a record off; something is left when ok.
func cutRecord(in []byte, size int) (id, data, rest []byte, ok bool) {
	if in, ok = bytes.CutPrefix(in, []byte(recordOpen)); !ok {
		return nil, nil, nil, false
	}
	n := bytes.IndexByte(in, '"')
	if n < 0 {
		return nil, nil, nil, false
	}
	id = in[:n]
	if in, ok = bytes.CutPrefix(in[n:], []byte(recordData)); !ok || len(in) < size+2 || in[size] != '}' {
		return nil, nil, nil, false
	}
	return id, in[:size], in[size+1:], true
}

// Request is the payload for these records, nil for none. The IDs are as long as those
// that a Batcher makes.
func Request(records []*orders.Record) []byte {
	if len(records) == 0 {
		return nil
	}
	payload := []byte(requestOpen)
	for i, r := range records {
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = fmt.Appendf(payload, `%s%017d%s%s}`, recordOpen, r.Number, recordData, r.Data)
	}
	return append(payload, requestClose...)
}
