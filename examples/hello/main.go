// Command hello is the program of the README: it prices one order by the Lambda
// function price-orders of your account.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
)

type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type Price struct {
	Cents int `json:"cents"`
}

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	prices, err := lambdabatch.New[Order, Price](lambda.NewFromConfig(cfg), "price-orders")
	if err != nil {
		log.Fatal(err)
	}
	defer prices.Close() // sends what is left, and waits for it

	price, err := prices.Do(ctx, Order{Item: "tea", Count: 3})
	fmt.Println(price.Cents, err)
}
