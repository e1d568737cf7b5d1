package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

type (
	Order struct{ Item string }
	Price struct{ Cents int }
)

// What a program does that has a database.
func ExampleNew() {
	pipeline := func(ctx context.Context, cfg aws.Config, queueURL, deadURL string, save func(ctx context.Context, id string, p Price, failure error) error) error {
		prices, err := lambdabatch.New[Order, Price](lambda.NewFromConfig(cfg), "price-orders",
			lambdabatch.WithLinger(5*time.Second),             // full batches at 500 messages a minute
			lambdabatch.WithInvocationTimeout(25*time.Second)) // below the queue's visibility timeout
		if err != nil {
			return err
		}
		defer prices.Close()
		orders, err := sqsbatch.New(sqs.NewFromConfig(cfg), queueURL, prices,
			sqsbatch.WithDeadLetterQueue(deadURL),
			sqsbatch.WithResult(func(ctx context.Context, m sqsbatch.Message, p Price, err error) error {
				return save(ctx, m.ID, p, err) // to the database; at least once for each message
			}))
		if err != nil {
			return err
		}
		return orders.Run(ctx) // until ctx ends
	}
	ctx, stop := context.WithCancel(context.Background())
	stop() // at once: there is no AWS here
	fmt.Println(pipeline(ctx, aws.Config{Region: "us-east-1"}, "https://sqs.us-east-1.amazonaws.com/123456789012/orders", "https://sqs.us-east-1.amazonaws.com/123456789012/orders-dead", nil))
	// Output: <nil>
}

// Orders from a queue are priced by a function, and what has no price becomes a dead letter.
func Example() {
	queues := sqstest.New() // in place of SQS
	defer queues.Close()
	source, dead := queues.Queue("orders"), queues.Queue("orders-dead")
	source.Send(`{"item":"tea"}`, `{"item":"unicorn"}`)

	functions := lambdatest.New() // in place of Lambda
	defer functions.Close()
	functions.Handle("price-orders", lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
		if strings.Contains(string(data), "unicorn") {
			return nil, errors.New("no such item")
		}
		return 350, nil
	}))

	type order struct{ Item string }
	prices, err := lambdabatch.New[order, int](functions.Client(), "price-orders", lambdabatch.WithInvocationTimeout(20*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	ctx, stop := context.WithCancel(context.Background())
	results := make(chan string, 2)
	orders, err := sqsbatch.New(queues.Client(), source.URL(), prices,
		sqsbatch.WithDeadLetterQueue(dead.URL()),
		sqsbatch.WithResult(func(_ context.Context, m sqsbatch.Message, cents int, err error) error {
			// Here the result would be written to a database, under the message's ID.
			results <- fmt.Sprintf("%s: %d cents, failed: %t", m.Body, cents, err != nil)
			return nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for range cap(results) {
			fmt.Println(<-results)
		}
		stop()
	}()
	if err := orders.Run(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("left:", source.Len(), "dead letters:", dead.Len())
	// Unordered output:
	// {"item":"tea"}: 350 cents, failed: false
	// {"item":"unicorn"}: 0 cents, failed: true
	// left: 0 dead letters: 1
}
