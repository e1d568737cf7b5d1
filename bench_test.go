package lambdabatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
)

// copying is a Format that only copies bytes: what is left is the batching.
type copying struct{}

func (copying) Envelope() (opening, separator, closing string) { return "", "", "" }

func (copying) AppendRecord(dst []byte, _ string, data json.RawMessage) ([]byte, error) {
	return append(dst, data...), nil
}

func (copying) ReadResponse(_ []byte, results *lambdabatch.Results) error {
	for i := range results.Len() {
		results.Succeed(i, nil)
	}
	return nil
}

type unlimited struct{}

func (unlimited) Acquire(context.Context, string) (func(lambdabatch.Feedback), error) {
	return func(lambdabatch.Feedback) {}, nil
}

// parcel is what a record and its result are in benchmarks: 200 bytes of JSON.
type parcel struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Gift   bool   `json:"gift"`
	Note   string `json:"note"`
}

var (
	text200   = json.RawMessage(`"` + strings.Repeat("x", 198) + `"`)
	parcel200 = json.RawMessage(`{"number":10000001,"item":"Darjeeling first flush","gift":true,"note":"` + strings.Repeat("n", 127) + `"}`)
)

// nothing is a function that answers nothing.
func nothing(*lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	return &lambda.InvokeOutput{StatusCode: 200}, nil
}

// echo is a function that answers each record with its data, and takes little time for it:
// it knows how long the data is.
func echo(in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
	const (
		from, id, data = `{"records":[`, `{"id":"`, `","data":`
		to, status     = `{"results":[`, `","status":"success","data":`
	)
	rest := in.Payload[len(from):]
	out := make([]byte, 0, len(in.Payload)+len(in.Payload)/len(parcel200)*len(status))
	out = append(out, to...)
	for {
		n := len(id) + bytes.IndexByte(rest[len(id):], '"')
		out = append(append(out, rest[:n]...), status...)
		end := n + len(data) + len(parcel200) + len("},")
		out = append(out, rest[n+len(data):end]...)
		if rest = rest[end:]; len(rest) < len(id) {
			return &lambda.InvokeOutput{StatusCode: 200, Payload: append(out, rest...)}, nil
		}
	}
}

// newEngine is a Batcher that does little more than batching.
func newEngine(tb testing.TB, batch int) *lambdabatch.Batcher[json.RawMessage, json.RawMessage] {
	tb.Helper()
	b, err := lambdabatch.New[json.RawMessage, json.RawMessage](invoker(nothing), "f",
		lambdabatch.WithFormat(copying{}), lambdabatch.WithMaxRecords(batch), lambdabatch.WithLimiter(unlimited{}))
	require.NoError(tb, err)
	return b
}

// newWhole is a Batcher that does all that it does.
func newWhole(tb testing.TB, batch int) *lambdabatch.Batcher[json.RawMessage, parcel] {
	tb.Helper()
	b, err := lambdabatch.New[json.RawMessage, parcel](invoker(echo), "f",
		lambdabatch.WithMaxRecords(batch), lambdabatch.WithLimiter(unlimited{}))
	require.NoError(tb, err)
	return b
}

func BenchmarkEngine(b *testing.B) {
	benchmark(b, newEngine, text200)
}

func BenchmarkBatcher(b *testing.B) {
	benchmark(b, newWhole, parcel200)
}

func benchmark[Out any](b *testing.B, start func(testing.TB, int) *lambdabatch.Batcher[json.RawMessage, Out], data json.RawMessage) {
	b.Helper()
	for _, batch := range []int{20, 100, 1000} {
		for _, producers := range []int{1, 8} {
			b.Run(fmt.Sprintf("batch=%d/producers=%d", batch, producers), func(b *testing.B) {
				batcher := start(b, batch)
				b.ReportAllocs()
				push(b, batcher, data, b.N, producers)
				require.NoError(b, batcher.Close())
			})
		}
	}
}

// push submits n records from producers, each of which awaits what it has submitted
// 1,024 records before.
func push[Out any](tb testing.TB, batcher *lambdabatch.Batcher[json.RawMessage, Out], data json.RawMessage, n, producers int) {
	tb.Helper()
	var all sync.WaitGroup
	ctx := context.WithoutCancel(tb.Context()) // a record of a context that can end costs more
	for p := range producers {
		all.Go(func() {
			var pending [1024]*lambdabatch.Future[Out]
			share := n / producers
			if p == 0 {
				share += n % producers
			}
			for i := range share {
				if f := pending[i%1024]; f != nil {
					if _, err := f.Await(ctx); err != nil {
						tb.Error(err)
					}
				}
				pending[i%1024] = batcher.Submit(ctx, data)
			}
			for _, f := range pending {
				if f != nil {
					if _, err := f.Await(ctx); err != nil {
						tb.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}
