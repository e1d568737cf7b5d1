// Command go is a Lambda function that prices orders, in batches. It serves a Batcher, an SQS event source mapping, an
// array of orders, and a single one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambdabatch/lambdabatch/handler"
)

// Order is a record.
type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

// Price is what an order costs.
type Price struct {
	Cents int `json:"cents"`
}

var prices = map[string]int{"tea": 250, "coffee": 320, "cake": 410}

// price prices one order. Its errors are results of that order alone, with their type and text.
func price(_ context.Context, o Order) (Price, error) {
	if o.Item == "" || o.Count < 1 {
		return Price{}, InvalidOrderError{errors.New("an order has an item, and a count of 1 or more")}
	}
	if o.Item == "scone" {
		return Price{}, handler.RetryAfter(200*time.Millisecond, NotReadyError{errors.New("the scones are in the oven")})
	}
	cents, ok := prices[o.Item]
	if !ok {
		return Price{}, UnknownItemError{errors.New("we do not sell " + o.Item)}
	}
	return Price{Cents: cents * o.Count}, nil
}

// The errors of price.
type (
	InvalidOrderError struct{ error }
	NotReadyError     struct{ error }
	UnknownItemError  struct{ error }
)

// UnmarshalJSON leaves an order empty that is none, so that price refuses it, in words of its own. Without this method the
// handler does, in those of encoding/json.
func (o *Order) UnmarshalJSON(data []byte) error { //nolint:unparam // it is a json.Unmarshaler
	type order Order
	if json.Unmarshal(data, (*order)(o)) != nil {
		*o = Order{}
	}
	return nil
}

func main() {
	lambda.Start(handler.New(price))
}
