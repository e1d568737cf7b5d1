package lambdabatch

import (
	"bytes"
	"fmt"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// The format of requests and responses: the one that the package documentation
// describes.

// requestOverhead is how many bytes a request has besides its records.
const requestOverhead = wire.RequestOverhead

// request builds the payload of a batch.
func request(b *engine.Batch) []byte {
	payload := make([]byte, 0, b.Bytes)
	payload = append(payload, wire.RequestOpen...)
	for i, r := range b.Records {
		if i > 0 {
			payload = append(payload, wire.RequestSeparator...)
		}
		payload = append(payload, r.Entry...)
	}
	return append(payload, wire.RequestClose...)
}

// reading is what a response says of the records of a batch.
type reading struct {
	results []engine.Result // one for each record
	// Of the results: what came of the records, and what belongs to none.
	succeeded, failed, retry, missing, unmatched int
}

// read matches the results in a response to the records of a batch, by ID. With
// an error the response holds no results, and no record has one.
func read(b *engine.Batch, payload []byte, requestID string) (reading, error) {
	rd := reading{results: make([]engine.Result, len(b.Records))}
	parsed, err := wire.ParseResults(payload, make([]wire.Result, 0, len(b.Records)))
	problem := "no result of this ID"
	if err != nil {
		problem = err.Error()
	}
	matched := make([]int, len(b.Records)) // results of each record
	index := index{records: b.Records}
	for i := range parsed {
		at := index.find(i, parsed[i].ID)
		if at < 0 || parsed[i].Malformed != "" {
			rd.unmatched++
			continue
		}
		if matched[at]++; matched[at] == 1 {
			rd.results[at] = result(b.Records[at].ID, &parsed[i])
		}
	}
	first := beginning(payload)
	for i, r := range b.Records {
		res := &rd.results[i]
		switch {
		case matched[i] == 0:
			rd.missing++
			res.Err = &ResultError{ID: r.ID, RequestID: requestID, Problem: problem, Payload: first, Err: ErrNoResult}
		case matched[i] > 1:
			rd.missing++
			*res = engine.Result{Err: &ResultError{
				ID: r.ID, RequestID: requestID, Payload: first, Err: ErrNoResult,
				Problem: fmt.Sprintf("%d results of this ID", matched[i]),
			}}
		case res.Retry:
			rd.retry++
		case res.Err != nil:
			rd.failed++
		default:
			rd.succeeded++
		}
	}
	return rd, err
}

// result is what one element of a response says of its record.
func result(id string, r *wire.Result) engine.Result {
	switch string(r.Status) {
	case "success":
		return engine.Result{Data: r.Data}
	case "retry":
		return engine.Result{
			Err:   &RecordError{ID: id, Status: "retry", Type: r.ErrorType, Message: r.ErrorMessage, Retryable: true, RetryAfter: r.RetryAfter},
			Retry: true, RetryAfter: r.RetryAfter,
		}
	default:
		return engine.Result{Err: &RecordError{ID: id, Status: string(r.Status), Type: r.ErrorType, Message: r.ErrorMessage}}
	}
}

// index finds the record of an ID. Functions mostly answer in the order in which
// they were asked, and then need no map.
type index struct {
	records []*engine.Record
	byID    map[string]int
}

func (x *index) find(i int, id []byte) int {
	if i < len(x.records) && x.records[i].ID == string(id) {
		return i
	}
	if x.byID == nil {
		x.byID = make(map[string]int, len(x.records))
		for i, r := range x.records {
			x.byID[r.ID] = i
		}
	}
	if i, ok := x.byID[string(id)]; ok {
		return i
	}
	return -1
}

// beginning is enough of a payload to see what came.
func beginning(payload []byte) []byte {
	return bytes.Clone(payload[:min(len(payload), 256)])
}
