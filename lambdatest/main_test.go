package lambdatest_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/leak"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" { // this is the process of a function
		runProgram()
	}
	leak.Main(m)
}

// connect makes a client of s over one transport.
type connect func(t *testing.T, s *lambdatest.Service) *lambda.Client

// overBoth runs f once in memory, in a synctest bubble, and once over a loopback port.
func overBoth(t *testing.T, f func(t *testing.T, c connect)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f(t, func(_ *testing.T, s *lambdatest.Service) *lambda.Client { return s.Client(once) })
		})
	})
	t.Run("port", func(t *testing.T) {
		t.Parallel()
		f(t, func(t *testing.T, s *lambdatest.Service) *lambda.Client {
			server, err := s.Listen("")
			require.NoError(t, err)
			return server.Client(once)
		})
	})
}

// once switches the SDK's retries off.
func once(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }

func echo(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }

// busy takes d, whatever its context says.
func busy(d time.Duration) lambdatest.Function {
	return func(context.Context, []byte) ([]byte, error) {
		time.Sleep(d)
		return []byte(`"done"`), nil
	}
}

func input(payload string) *lambda.InvokeInput {
	return &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(payload)}
}

func event(payload string) *lambda.InvokeInput {
	in := input(payload)
	in.InvocationType = types.InvocationTypeEvent
	return in
}

// reasons calls the function n times at the same instant and returns the reasons of those that were throttled.
func reasons(t *testing.T, client *lambda.Client, function string, n int) map[types.ThrottleReason]int {
	t.Helper()
	out := make(map[types.ThrottleReason]int)
	errs := make(chan error, n)
	for range n {
		go func() {
			_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &function})
			errs <- err
		}()
	}
	for range n {
		err := <-errs
		var throttle *types.TooManyRequestsException
		if err != nil {
			require.ErrorAs(t, err, &throttle)
			out[throttle.Reason]++
		} else {
			out[""]++
		}
	}
	return out
}

func object(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(payload, &out), "%s", payload)
	return out
}
