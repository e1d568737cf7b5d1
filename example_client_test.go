package lambdabatch_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
)

func ExampleTunedClient() {
	service := priceOrders()
	defer service.Close()
	server, err := service.Listen("")
	if err != nil {
		log.Fatal(err)
	}
	// In a real program cfg comes from config.LoadDefaultConfig.
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{}}

	const inFlight = 256
	client := lambda.NewFromConfig(cfg, lambdabatch.TunedClient(inFlight))
	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(inFlight))
	if err != nil {
		log.Fatal(err)
	}
	prices, err := lambdabatch.New[Order, Price](client, "price-orders", lambdabatch.WithLimiter(limiter))
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close()

	price, err := prices.Do(context.Background(), Order{"tea", 2})
	fmt.Println(price.Cents, err)
	// Output: 500 <nil>
}
