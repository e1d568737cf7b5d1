package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// Order and Price are what the function of the examples takes and gives.
type (
	Order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	Price struct {
		Cents int `json:"cents"`
	}
)

// priceOrders is a Lambda in process with the function price-orders. In a real
// program the client comes from lambda.NewFromConfig.
func priceOrders() *lambdatest.Service {
	s := lambdatest.New()
	s.Handle("price-orders", lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
		var order Order
		if err := json.Unmarshal(data, &order); err != nil {
			return nil, err
		}
		if order.Count <= 0 {
			return nil, fmt.Errorf("%d of %s cannot be ordered", order.Count, order.Item)
		}
		return Price{Cents: order.Count * 250}, nil
	}))
	return s
}

func ExampleNew() {
	service := priceOrders()
	defer service.Close()
	client := service.Client() // or lambda.NewFromConfig(cfg)

	prices, err := lambdabatch.New[Order, Price](client, "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	price, err := prices.Do(context.Background(), Order{Item: "tea", Count: 3})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(price.Cents, "cents")
	// Output: 750 cents
}

func ExampleNew_badOptions() {
	service := priceOrders()
	defer service.Close()

	_, err := lambdabatch.New[Order, Price](service.Client(), "price-orders",
		lambdabatch.WithMaxRecords(0), lambdabatch.WithMaxBytes(10_000_000))
	fmt.Println(err)
	// Output:
	// lambdabatch: WithMaxRecords(0): must be at least 1
	// lambdabatch: WithMaxBytes(10000000): must be from 64 to 6291456 bytes, Lambda's limit for RequestResponse
}

// Submit has many records in flight without a goroutine for each.
func ExampleBatcher_Submit() {
	service := priceOrders()
	defer service.Close()
	prices, err := lambdabatch.New[Order, Price](service.Client(), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	ctx := context.Background()
	var futures []*lambdabatch.Future[Price]
	for n := range 4 {
		futures = append(futures, prices.Submit(ctx, Order{Item: "tea", Count: n}, lambdabatch.ID(fmt.Sprint("order ", n))))
	}
	for _, f := range futures {
		price, err := f.Await(ctx)
		var refused *lambdabatch.RecordError
		switch {
		case errors.As(err, &refused):
			fmt.Println(f.ID(), "was refused:", refused.Message)
		case err != nil:
			fmt.Println(f.ID(), "failed:", err)
		default:
			fmt.Println(f.ID(), "costs", price.Cents, "cents")
		}
	}
	fmt.Println(len(service.Invocations()), "invocation")
	// Output:
	// order 0 was refused: 0 of tea cannot be ordered
	// order 1 costs 250 cents
	// order 2 costs 500 cents
	// order 3 costs 750 cents
	// 1 invocation
}

func ExampleBatcher_Map() {
	service := priceOrders()
	defer service.Close()
	prices, err := lambdabatch.New[Order, Price](service.Client(), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	orders := []Order{{"tea", 1}, {"milk", 2}, {"sugar", 3}}
	for price, err := range prices.Map(context.Background(), slices.Values(orders)) {
		fmt.Println(price.Cents, err)
	}
	// Output:
	// 250 <nil>
	// 500 <nil>
	// 750 <nil>
}

// All Batchers of a process share one limiter, and so the account's quota.
func ExampleWithLimiter() {
	service := priceOrders()
	defer service.Close()
	limiter, err := lambdabatch.NewLimiter(
		lambdabatch.Rate(8, 15),   // 8 invocations a second, 15 at once after a pause
		lambdabatch.InFlight(100), // not more than 100 at a time
		lambdabatch.FunctionInFlight("price-orders", 10),
	)
	if err != nil {
		log.Fatal(err)
	}
	wholesale, err := lambdabatch.New[Order, Price](service.Client(), "price-orders", lambdabatch.WithLimiter(limiter))
	if err != nil {
		log.Fatal(err)
	}
	defer wholesale.Close()
	retail, err := lambdabatch.New[Order, Price](service.Client(), "price-orders", lambdabatch.WithLimiter(limiter))
	if err != nil {
		log.Fatal(err)
	}
	defer retail.Close()

	ctx := context.Background()
	one, _ := wholesale.Do(ctx, Order{"tea", 1000})
	two, _ := retail.Do(ctx, Order{"tea", 1})
	fmt.Println(one.Cents, two.Cents)
	// Output: 250000 250
}

// A function that fails as a whole fails all records of its batch, and says how.
func ExampleFunctionError() {
	service := priceOrders()
	defer service.Close()
	service.Fault(lambdatest.Unhandled("Runtime.ImportModuleError", "Unable to import module 'app'"))
	prices, err := lambdabatch.New[Order, Price](service.Client(), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	_, err = prices.Do(context.Background(), Order{"tea", 1})
	var failed *lambdabatch.FunctionError
	if errors.As(err, &failed) {
		fmt.Println(failed.Kind)
		fmt.Println(failed.Type)
		fmt.Println(failed.Message)
		fmt.Println(lambdabatch.CertaintyOf(err))
	}
	// Output:
	// unhandled error
	// Runtime.ImportModuleError
	// Unable to import module 'app'
	// executed
}

// A test of one's own code, with a throttled Lambda.
func Example_testing() {
	service := priceOrders()
	defer service.Close()
	throttled := service.Fault(lambdatest.Throttle("ConcurrentInvocationLimitExceeded"), lambdatest.Count(2))
	prices, err := lambdabatch.New[Order, Price](service.Client(), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	f := prices.Submit(context.Background(), Order{"tea", 2}, lambdabatch.ID("A-17"))
	price, err := f.Await(context.Background())
	fmt.Println(price.Cents, err)
	fmt.Println(throttled.Hits(), "throttles,", len(f.Attempts()), "attempts")
	fmt.Println(string(service.Invocations()[2].Payload))
	// Output:
	// 500 <nil>
	// 2 throttles, 3 attempts
	// {"records":[{"id":"A-17","data":{"item":"tea","count":2}}]}
}
