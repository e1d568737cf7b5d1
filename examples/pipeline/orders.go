package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// order is what the function is given, and price what it answers.
type order struct {
	Number int    `json:"number"`
	Item   string `json:"item"`
	Count  int    `json:"count"`
}

type price struct {
	Cents int `json:"cents"`
}

// orderAttribute is the attribute of a message that has the order's number, also when its body is no order.
const orderAttribute = "order"

// The items that the function does not price like others.
const (
	itemCrash   = "poison"  // the function dies of it
	itemRefused = "unicorn" // the function has none
	itemSlow    = "custom"  // the function takes its time
)

// make is the nth order, and whether it can succeed.
func makeOrder(n int) (body string, good bool) {
	o := order{Number: n, Item: "tea", Count: n%9 + 1}
	switch n % 250 {
	case 13:
		o.Item = itemCrash
	case 113:
		o.Item = itemRefused
	case 50, 150:
		o.Item = itemSlow
	case 213:
		return fmt.Sprintf("order %d: tea, please", n), false
	}
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // it has nothing that cannot be encoded
	}
	return string(data), o.Item != itemCrash && o.Item != itemRefused
}

// produce sends all orders. It reports whether some were sent, also with an error.
func produce(ctx context.Context, client *sqs.Client, s settings) (sent bool, err error) {
	for at := 0; at < s.Orders; at += 10 {
		var entries []types.SendMessageBatchRequestEntry
		for n := at; n < min(at+10, s.Orders); n++ {
			body, _ := makeOrder(n)
			entries = append(entries, types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(n)), MessageBody: aws.String(body),
				MessageAttributes: map[string]types.MessageAttributeValue{
					orderAttribute: {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(n))},
				},
			})
		}
		out, err := client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.Queue, Entries: entries})
		if err != nil {
			return sent, err
		}
		sent = sent || len(out.Successful) > 0
		if len(out.Failed) > 0 {
			return sent, fmt.Errorf("%d orders were refused by the queue: %s", len(out.Failed), aws.ToString(out.Failed[0].Message))
		}
	}
	return sent, nil
}

// awsConfig is yours, or that of the loopback services, which look at no credentials.
func awsConfig(ctx context.Context, s settings) (aws.Config, error) {
	if s.SQS == "" {
		return config.LoadDefaultConfig(ctx)
	}
	return aws.Config{Region: "us-east-1", Credentials: aws.AnonymousCredentials{}}, nil
}

func sqsClient(ctx context.Context, s settings) (*sqs.Client, error) {
	cfg, err := awsConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		if s.SQS != "" {
			o.BaseEndpoint = &s.SQS
		}
	}), nil
}

// depth is about how many messages a queue holds, those in flight too.
func depth(ctx context.Context, client *sqs.Client, url string) (int, error) {
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	} {
		part, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, err
		}
		n += part
	}
	return n, nil
}
