// Command odd is a Lambda function that does what its event says.
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Seen is what aws-lambda-go made of the invocation.
type Seen struct {
	RequestID, ARN, Tenant, Custom, Function, Group, Version string
	Memory                                                   int
	Left                                                     time.Duration
}

func do(ctx context.Context, what string) (any, error) {
	switch what {
	case "see":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return Seen{
			RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Tenant: lc.TenantID, Custom: lc.ClientContext.Custom["a"],
			Function: lambdacontext.FunctionName, Group: lambdacontext.LogGroupName, Version: lambdacontext.FunctionVersion,
			Memory: lambdacontext.MemoryLimitInMB, Left: time.Until(deadline),
		}, nil
	case "error":
		return nil, errors.New("an error")
	case "panic":
		panic("a panic")
	case "exit":
		os.Exit(4)
	case "hang":
		<-ctx.Done()
		select {}
	case "large":
		return strings.Repeat("x", 7<<20), nil
	}
	return nil, nil
}

func main() { lambda.StartWithOptions(do, lambda.WithEnableSIGTERM()) }
