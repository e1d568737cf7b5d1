package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// sdk calls by the SDK's own client with the SDK's own retries.
type sdk struct {
	client *lambda.Client
}

func (c sdk) do(ctx context.Context) error {
	_, err := c.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(function), Payload: payload})
	return err
}

func (c sdk) close() {}

func sdkCallers(b *bench, retryer func() aws.Retryer) []caller {
	var all []caller
	for i := range b.course.clients {
		all = append(all, sdk{lambda.New(lambda.Options{
			Region:      "us-east-1",
			Credentials: aws.AnonymousCredentials{},
			HTTPClient:  b.wire(i),
			Retryer:     retryer(),
		})})
	}
	return all
}

func sdkStandard(b *bench) ([]caller, error) {
	return sdkCallers(b, func() aws.Retryer { return retry.NewStandard() }), nil
}

func sdkAdaptive(b *bench) ([]caller, error) {
	return sdkCallers(b, func() aws.Retryer { return newPolled() }), nil
}

// polled is the SDK's adaptive mode, which waits for a token in a way of its own:
// it asks for one each millisecond, first come first served. The mode itself
// sleeps until the token is due, and that time rounds down to 0 ns in the end: it
// asks again and again at the same instant. Out in the world that costs some
// CPU; where time passes only while all wait, it never ends. All decisions are
// the mode's.
type polled struct {
	*retry.AdaptiveMode
	turn chan struct{}
}

func newPolled() *polled {
	return &polled{
		AdaptiveMode: retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) { o.FailOnNoAttemptTokens = true }),
		turn:         make(chan struct{}, 1),
	}
}

func (p *polled) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.turn }()
	for {
		release, err := p.AdaptiveMode.GetAttemptToken(ctx)
		if err == nil {
			return release, nil
		}
		if !sleep(ctx, time.Millisecond) {
			return nil, ctx.Err()
		}
	}
}
