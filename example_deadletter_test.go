package lambdabatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// The database is back, and what was given up without it is submitted again.
func ExampleReadDeadLetters() {
	service := priceOrders()
	defer service.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "dead.ndjson")

	dead, err := lambdabatch.FileDeadLetters(path)
	if err != nil {
		log.Fatal(err)
	}
	prices, err := lambdabatch.New[Order, Price](service.Client(), "price-orders", lambdabatch.WithDeadLetter(dead.Add))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	away := service.Fault(lambdatest.Unhandled("ConnectionError", "no database"))
	for n := range 2 {
		_, err := prices.Do(ctx, Order{Item: "tea", Count: n + 1}, lambdabatch.ID(fmt.Sprint("order ", n)))
		fmt.Println("failed:", err != nil)
	}
	if err := prices.Close(); err != nil {
		log.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		log.Fatal(err)
	}
	away.Remove()

	letters, skipped, err := lambdabatch.ReadDeadLetters(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(letters), "letters,", skipped, "torn lines")
	again, err := lambdabatch.New[json.RawMessage, Price](service.Client(), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer again.Close()
	var futures []*lambdabatch.Future[Price]
	for _, letter := range letters {
		futures = append(futures, again.Submit(ctx, letter.Payload, letter.Options()...))
	}
	for i, f := range futures {
		price, err := f.Await(ctx)
		fmt.Printf("%s, %v before: %d cents, %v\n", f.ID(), letters[i].Certainty, price.Cents, err)
	}
	// Output:
	// failed: true
	// failed: true
	// 2 letters, 0 torn lines
	// order 0, executed before: 250 cents, <nil>
	// order 1, executed before: 500 cents, <nil>
}
