package lambdatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// A function behind a client of the SDK.
func Example() {
	s := lambdatest.New()
	defer s.Close()
	s.Handle("greet", func(_ context.Context, payload []byte) ([]byte, error) {
		var name string
		if err := json.Unmarshal(payload, &name); err != nil {
			return nil, err
		}
		return json.Marshal("Hello, " + name + "!")
	})

	out, err := s.Client().Invoke(context.Background(), &lambda.InvokeInput{
		FunctionName: aws.String("greet"),
		Payload:      []byte(`"Lambda"`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.StatusCode, string(out.Payload))
	// Output: 200 "Hello, Lambda!"
}

// The third invocation is throttled, and the caller is told to wait.
func Example_fault() {
	s := lambdatest.New()
	defer s.Close()
	s.Handle("greet", func(context.Context, []byte) ([]byte, error) { return []byte(`"Hello!"`), nil })
	s.Fault(lambdatest.ThrottleAfter(types.ThrottleReasonCallerRateLimitExceeded, 2*time.Second),
		lambdatest.Skip(2), lambdatest.Count(1))

	client := s.Client(func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	for range 4 {
		out, err := client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("greet")})
		var throttle *types.TooManyRequestsException
		switch {
		case errors.As(err, &throttle):
			fmt.Println(throttle.Reason, "wait", *throttle.RetryAfterSeconds, "s")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(string(out.Payload))
		}
	}
	// Output:
	// "Hello!"
	// "Hello!"
	// CallerRateLimitExceeded wait 2 s
	// "Hello!"
}

// A quota of three in the burst.
func Example_quota() {
	s := lambdatest.New(lambdatest.RequestRate(1, 3))
	defer s.Close()
	s.Handle("greet", func(context.Context, []byte) ([]byte, error) { return []byte(`"Hello!"`), nil })

	client := s.Client(func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	for range 5 {
		_, _ = client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("greet")})
	}
	counts := s.Counts()
	fmt.Println(counts.Requests, "requests,", counts.Executed, "executed,", counts.Throttled, "throttled")
	// Output: 5 requests, 3 executed, 2 throttled
}

// A function of single records, and what it answers to a batch.
func ExamplePerRecord() {
	s := lambdatest.New()
	defer s.Close()
	s.Handle("double", lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
		var n int
		if err := json.Unmarshal(data, &n); err != nil {
			return nil, err
		}
		if n > 100 {
			return nil, errors.New("too much")
		}
		return 2 * n, nil
	}))

	out, err := s.Client().Invoke(context.Background(), &lambda.InvokeInput{
		FunctionName: aws.String("double"),
		Payload:      []byte(`{"records":[{"id":"a","data":21},{"id":"b","data":1000}]}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(out.Payload))
	for _, r := range s.Invocations()[0].Records() {
		fmt.Println(r.ID, string(r.Data))
	}
	// Output:
	// {"results":[{"id":"a","status":"success","data":42},{"id":"b","status":"failure","error":{"type":"errorString","message":"too much"}}]}
	// a 21
	// b 1000
}

// The same service for other processes: the SDKs take the URL from AWS_ENDPOINT_URL_LAMBDA.
func ExampleService_Listen() {
	s := lambdatest.New()
	defer s.Close()
	s.Handle("greet", func(context.Context, []byte) ([]byte, error) { return []byte(`"Hello!"`), nil })
	server, err := s.Listen("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	client := lambda.NewFromConfig(aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.URL),
		Credentials:  aws.AnonymousCredentials{},
	})
	out, err := client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("greet")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(out.Payload))
	// Output: "Hello!"
}
