package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// answer is the response to an event.
func (h *Handler) answer(e *event, outcomes []outcome) ([]byte, error) {
	switch e.shape {
	case envelope:
		return h.answerEnvelope(e, outcomes), nil
	case sqsEvent:
		return answerSQS(e, outcomes), nil
	case array:
		return h.answerArray(outcomes)
	default:
		if err := outcomes[0].err; err != nil {
			return nil, plain(err)
		}
		return h.fits(outcomes[0].data)
	}
}

const (
	resultsOpen  = `{"results":[`
	resultsClose = `]}`
	resultID     = `{"id":`
	resultData   = `,"status":"success","data":`
	resultRetry  = `,"status":"retry"`
	resultClose  = `}`
)

// answerEnvelope answers with a result for each record. A record for whose result
// there is no room is asked for again: so its work is done once more, but that of
// the others is not lost.
func (h *Handler) answerEnvelope(e *event, outcomes []outcome) []byte {
	size := len(resultsOpen) + len(resultsClose) - 1 // there is no comma before the first
	for i := range outcomes {
		size += resultSize(&e.records[i], &outcomes[i]) + 1
	}
	if size <= h.maxResponse {
		response := append(make([]byte, 0, size+1), resultsOpen...)
		for i := range outcomes {
			if i > 0 {
				response = append(response, ',')
			}
			response = appendResult(response, &e.records[i], &outcomes[i])
		}
		return append(response, resultsClose...)
	}

	// What all would take that are asked for again; who fits in beyond may stay.
	again := outcome{retry: true}
	size = len(resultsOpen) + len(resultsClose) - 1
	for i := range outcomes {
		size += resultSize(&e.records[i], &again) + 1
	}
	response := append(make([]byte, 0, h.maxResponse), resultsOpen...)
	for i := range outcomes {
		r, out := &e.records[i], &outcomes[i]
		if len(resultsOpen)+resultSize(r, out)+len(resultsClose) > h.maxResponse {
			out = &outcome{err: errTooLarge} // it never fits
		}
		if more := resultSize(r, out) - resultSize(r, &again); size+more <= h.maxResponse {
			size += more
		} else {
			out = &again
		}
		if i > 0 {
			response = append(response, ',')
		}
		response = appendResult(response, r, out)
	}
	return append(response, resultsClose...)
}

// resultSize is how many bytes appendResult appends.
func resultSize(r *record, out *outcome) int {
	size := len(resultID) + len(r.raw) + len(resultClose)
	if out.err == nil && !out.retry {
		return size + len(resultData) + len(out.data)
	}
	return size + len(appendFailure(nil, out))
}

func appendResult(dst []byte, r *record, out *outcome) []byte {
	dst = append(dst, resultID...)
	dst = append(dst, r.raw...)
	if out.err == nil && !out.retry {
		dst = append(dst, resultData...)
		dst = append(dst, out.data...)
	} else {
		dst = appendFailure(dst, out)
	}
	return append(dst, resultClose...)
}

// appendFailure appends what a result says of a record without a value.
func appendFailure(dst []byte, out *outcome) []byte {
	if out.retry {
		dst = append(dst, resultRetry...)
		if out.after > 0 {
			dst = append(dst, `,"retryAfterMs":`...)
			dst = strconv.AppendInt(dst, int64((out.after+time.Millisecond-1)/time.Millisecond), 10)
		}
	} else {
		dst = append(dst, `,"status":"failure"`...)
	}
	if out.err == nil {
		return dst
	}
	said, err := json.Marshal(struct {
		Type    string `json:"type,omitempty"`
		Message string `json:"message"`
	}{typeOf(out.err), out.err.Error()})
	if err != nil {
		return dst // strings always encode
	}
	return append(append(dst, `,"error":`...), said...)
}

// answerSQS lists the messages that failed.
func answerSQS(e *event, outcomes []outcome) []byte {
	for _, chain := range e.chains {
		failed := false
		for _, i := range chain {
			if failed && outcomes[i].err == nil {
				outcomes[i] = outcome{err: errHeld, retry: true} // its order would be lost
			}
			failed = failed || outcomes[i].err != nil
		}
	}
	response := []byte(`{"batchItemFailures":[`)
	first := true
	for i := range outcomes {
		if outcomes[i].err == nil {
			continue
		}
		if !first {
			response = append(response, ',')
		}
		first = false
		response = append(response, `{"itemIdentifier":`...)
		response = append(response, e.records[i].raw...)
		response = append(response, '}')
	}
	return append(response, `]}`...)
}

// answerArray answers with the values in their order, if all went well.
func (h *Handler) answerArray(outcomes []outcome) ([]byte, error) {
	var errs []error
	size := 2
	for i := range outcomes {
		if err := outcomes[i].err; err != nil {
			errs = append(errs, fmt.Errorf("record %d: %w", i, err))
		}
		size += len(outcomes[i].data) + 1
	}
	switch {
	case len(errs) > 0 && len(outcomes) == 1:
		return nil, plain(outcomes[0].err)
	case len(errs) > 0:
		return nil, errors.Join(errs...)
	}
	response := append(make([]byte, 0, size), '[')
	for i := range outcomes {
		if i > 0 {
			response = append(response, ',')
		}
		response = append(response, outcomes[i].data...)
	}
	return h.fits(append(response, ']'))
}

// fits refuses a response that Lambda would refuse.
func (h *Handler) fits(response []byte) ([]byte, error) {
	if len(response) > h.maxResponse {
		return nil, own("ResultTooLarge", "%w: it has %d bytes, the limit is %d bytes", errTooLarge, len(response), h.maxResponse)
	}
	return response, nil
}
