package lambdabatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

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

var payload200 = json.RawMessage(`"` + strings.Repeat("x", 198) + `"`)

func BenchmarkEngine(b *testing.B) {
	for _, batch := range []int{20, 100, 1000} {
		for _, producers := range []int{1, 8} {
			b.Run(fmt.Sprintf("batch=%d/producers=%d", batch, producers), func(b *testing.B) {
				batcher, err := lambdabatch.New[json.RawMessage, json.RawMessage](
					invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) {
						return &lambda.InvokeOutput{StatusCode: 200}, nil
					}),
					"f", lambdabatch.WithFormat(copying{}), lambdabatch.WithMaxRecords(batch), lambdabatch.WithLimiter(unlimited{}))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				push(b, batcher, producers)
				if err := batcher.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// push submits b.N records from producers, each of which awaits what it has
// submitted 1,024 records before.
func push(b *testing.B, batcher *lambdabatch.Batcher[json.RawMessage, json.RawMessage], producers int) {
	b.Helper()
	var all sync.WaitGroup
	ctx := context.WithoutCancel(b.Context()) // a record of a context that can end costs more
	for p := range producers {
		all.Go(func() {
			var pending [1024]*lambdabatch.Future[json.RawMessage]
			n := b.N / producers
			if p == 0 {
				n += b.N % producers
			}
			for i := range n {
				if f := pending[i%1024]; f != nil {
					if _, err := f.Await(b.Context()); err != nil {
						b.Error(err)
					}
				}
				pending[i%1024] = batcher.Submit(ctx, payload200)
			}
			for _, f := range pending {
				if f != nil {
					if _, err := f.Await(b.Context()); err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}
