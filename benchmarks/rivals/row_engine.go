package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

func engineRow() row {
	return row{
		name:   "lambdabatch engine",
		module: "github.com/lambdabatch/lambdabatch",
		does: "a Batcher with a Format that only copies, futures awaited: a result and an error for each record; bounds a batch and what is " +
			"buffered by number and bytes, and batches in flight; a partial batch goes by time; checks that a record is JSON, " +
			"a string, copies it into a request, and reads its number from the response",
		start: startEngine,
	}
}

func startEngine(c *course) (run, error) {
	b, err := newBatcher[uint64](c, nothing{c.sink}, lambdabatch.WithFormat(copying{}))
	if err != nil {
		return nil, err
	}
	return futures(c, b, textOf, func(got uint64) uint64 { return got }), nil
}

// copying is a Format of bytes in a row.
type copying struct{}

func (copying) Envelope() (opening, separator, closing string) { return "", "", "" }

func (copying) AppendRecord(dst []byte, _ string, data json.RawMessage) ([]byte, error) {
	return append(dst, data...), nil
}

// ReadResponse gives each record its number, which is as much as the rivals hand back.
func (copying) ReadResponse(payload []byte, results *lambdabatch.Results) error {
	if len(payload) != results.Len()*recordSize {
		return errors.New("the response has another length than the request")
	}
	for i := range results.Len() {
		results.Succeed(i, orders.TextDigits(payload[i*recordSize:]))
	}
	return nil
}

// nothing is an Invoker that hands back what it is given.
type nothing struct{ sink *sink }

func (n nothing) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	records := len(in.Payload) / recordSize
	n.sink.count(records)
	if n.sink.seen != nil {
		for i := range records {
			n.sink.see(orders.Number(orders.TextDigits(in.Payload[i*recordSize:])))
		}
	}
	return &lambda.InvokeOutput{StatusCode: 200, Payload: in.Payload}, nil
}
