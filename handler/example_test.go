package handler_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabatch/lambdabatch/handler"
)

type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type Price struct {
	Cents int `json:"cents"`
}

var errBusy = errors.New("the price list is being printed")

// price is the function of one order.
func price(_ context.Context, o Order) (Price, error) {
	switch o.Item {
	case "tea":
		return Price{Cents: 250 * o.Count}, nil
	case "milk":
		return Price{}, handler.RetryAfter(200*time.Millisecond, errBusy)
	default:
		return Price{}, fmt.Errorf("no %s today", o.Item)
	}
}

// In a Lambda function, main is: lambda.Start(handler.New(price)).
func ExampleNew() {
	h := handler.New(price)
	for _, payload := range []string{
		`{"records":[{"id":"1","data":{"item":"tea","count":3}},{"id":"2","data":{"item":"milk"}},{"id":"3","data":{"item":"gin"}}]}`,
		`{"Records":[{"messageId":"1","body":"{\"item\":\"gin\"}","eventSource":"aws:sqs"}]}`,
		`[{"item":"tea","count":1},{"item":"tea","count":2}]`,
		`{"item":"tea","count":1}`,
	} {
		response, err := h.Invoke(context.Background(), []byte(payload))
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(string(response))
	}
	// Output:
	// {"results":[{"id":"1","status":"success","data":{"cents":750}},{"id":"2","status":"retry","retryAfterMs":200,"error":{"type":"errorString","message":"the price list is being printed"}},{"id":"3","status":"failure","error":{"type":"errorString","message":"no gin today"}}]}
	// {"batchItemFailures":[{"itemIdentifier":"1"}]}
	// [{"cents":250},{"cents":500}]
	// {"cents":250}
}

// A function that would rather have the whole batch, for one query to a database.
func ExampleNewBatch() {
	h := handler.NewBatch(func(_ context.Context, records []handler.Record[Order]) ([]handler.Result[Price], error) {
		results := make([]handler.Result[Price], len(records))
		for i, r := range records {
			results[i].Value.Cents = 250 * r.Data.Count
		}
		return results, nil
	})
	response, err := h.Invoke(context.Background(), []byte(`[{"count":1},{"count":2}]`))
	fmt.Println(string(response), err)
	// Output: [{"cents":250},{"cents":500}] <nil>
}
