package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// function stands for the client and the function behind it, of the rows that make
// whole requests. It answers each record with success and the data that it came with.
//
// It takes as little time as is possible: it knows how long the data is, and copies.
// What it takes is a row of its own.
type function struct {
	sink *sink
}

// What the function reads, and what it writes.
const (
	requestOpen, requestClose = `{"records":[`, `]}`
	recordOpen, recordData    = `{"id":"`, `","data":`
	responseOpen              = `{"results":[`
	resultStatus              = `,"status":"success"`
)

// Invoke makes the response in new memory, as the SDK's client does: who gets it may
// keep it.
func (f *function) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	out, n, err := f.answer(in.Payload)
	if err != nil {
		return nil, err
	}
	f.sink.count(n)
	return &lambda.InvokeOutput{StatusCode: 200, Payload: out}, nil
}

var errRequest = errors.New("the function does not understand the request")

// answer is the response to a request of n records.
func (f *function) answer(in []byte) (out []byte, n int, err error) {
	in, ok := bytes.CutPrefix(in, []byte(requestOpen))
	if !ok {
		return nil, 0, errRequest
	}
	out = make([]byte, 0, len(in)+len(responseOpen)+(len(in)/recordSize+1)*len(resultStatus))
	out = append(out, responseOpen...)
	for {
		var id, data []byte
		if id, data, in, ok = cutRecord(in); !ok {
			return nil, 0, errRequest
		}
		if f.sink.seen != nil {
			f.sink.see(number(digits(data)))
		}
		n++
		out = append(out, recordOpen...)
		out = append(out, id...)
		out = append(out, '"')
		out = append(out, resultStatus...)
		out = append(out, recordData[1:]...)
		out = append(out, data...)
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

// cutRecord cuts a record off; something is left when ok.
func cutRecord(in []byte) (id, data, rest []byte, ok bool) {
	if in, ok = bytes.CutPrefix(in, []byte(recordOpen)); !ok {
		return nil, nil, nil, false
	}
	n := bytes.IndexByte(in, '"')
	if n < 0 {
		return nil, nil, nil, false
	}
	id = in[:n]
	if in, ok = bytes.CutPrefix(in[n:], []byte(recordData)); !ok || len(in) < recordSize+2 || in[recordSize] != '}' {
		return nil, nil, nil, false
	}
	return id, in[:recordSize], in[recordSize+1:], true
}
