package lambdatest_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestAccountSettings(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, c connect) {
		s := lambdatest.New(lambdatest.AccountConcurrency(500))
		defer s.Close()
		client := c(t, s)
		limits := func() (total, unreserved int32) {
			out, err := client.GetAccountSettings(t.Context(), &lambda.GetAccountSettingsInput{})
			require.NoError(t, err)
			return out.AccountLimit.ConcurrentExecutions, *out.AccountLimit.UnreservedConcurrentExecutions
		}
		total, unreserved := limits()
		assert.Equal(t, []int32{500, 500}, []int32{total, unreserved})

		s.Handle("f", echo, lambdatest.Reserved(200))
		s.Handle("g", echo, lambdatest.Reserved(0))
		s.SetAccountConcurrency(600)
		total, unreserved = limits()
		assert.Equal(t, []int32{600, 400}, []int32{total, unreserved})

		s.SetAccountConcurrency(100) // the reservation is of what was
		total, unreserved = limits()
		assert.Equal(t, []int32{100, 0}, []int32{total, unreserved})

		out, err := client.GetAccountSettings(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, int64(2), out.AccountUsage.FunctionCount)
		assert.Zero(t, s.Counts().Requests, "it is no invocation")
	})
}

func TestFunctionConcurrency(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, c connect) {
		s := lambdatest.New()
		defer s.Close()
		client := c(t, s)
		get := func(name string) (*int32, error) {
			out, err := client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
			if err != nil {
				return nil, err
			}
			return out.ReservedConcurrentExecutions, nil
		}
		s.Handle("none", echo)
		s.Handle("off", echo, lambdatest.Reserved(0))
		s.Handle("some", echo, lambdatest.Reserved(7))
		for name, want := range map[string]*int32{
			"none": nil, "off": aws.Int32(0), "some": aws.Int32(7),
			"arn:aws:lambda:us-east-1:123456789012:function:some": aws.Int32(7),
		} {
			reserved, err := get(name)
			require.NoError(t, err)
			assert.Equal(t, want, reserved, name)
		}
		_, err := get("nobody")
		var unknown *types.ResourceNotFoundException
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody", *unknown.Message)
		for _, bad := range []string{"some:live", "not a name"} {
			_, err = get(bad)
			var invalid *types.InvalidParameterValueException
			assert.ErrorAs(t, err, &invalid, bad)
		}
	})
}

func TestFunctionConfiguration(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, c connect) {
		s := lambdatest.New()
		defer s.Close()
		client := c(t, s)
		s.Handle("f", echo, lambdatest.Timeout(90*time.Second))
		s.Handle("quick", echo, lambdatest.Timeout(20*time.Millisecond), lambdatest.TenantIsolation())
		s.Handle("durable", echo, lambdatest.Timeout(time.Minute), lambdatest.Durable())

		out, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{
			FunctionName: aws.String("f"), Qualifier: aws.String("live"),
		})
		require.NoError(t, err)
		assert.Equal(t, int32(90), *out.Timeout)
		assert.Equal(t, "f", *out.FunctionName)
		assert.Equal(t, "arn:aws:lambda:us-east-1:123456789012:function:f:live", *out.FunctionArn)
		assert.Equal(t, "1", *out.Version)
		assert.Equal(t, types.StateActive, out.State)
		assert.Nil(t, out.TenancyConfig)
		assert.Nil(t, out.DurableConfig)

		out, err = client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("quick")})
		require.NoError(t, err)
		assert.Equal(t, int32(1), *out.Timeout)
		assert.Equal(t, types.TenantIsolationModePerTenant, out.TenancyConfig.TenantIsolationMode)

		out, err = client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("durable")})
		require.NoError(t, err)
		assert.Equal(t, &types.DurableConfig{ExecutionTimeout: aws.Int32(60), RetentionPeriodInDays: aws.Int32(14)}, out.DurableConfig)

		_, err = client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("nobody:1")})
		var unknown *types.ResourceNotFoundException
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody:1", *unknown.Message)
		_, err = client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{
			FunctionName: aws.String("f:1"), Qualifier: aws.String("live"),
		})
		var invalid *types.InvalidParameterValueException
		require.ErrorAs(t, err, &invalid)
	})
}

func TestDeny(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, c connect) {
		s := lambdatest.New()
		defer s.Close()
		client := c(t, s)
		s.Handle("f", echo)
		calls := map[string]func() error{
			"GetAccountSettings": func() error {
				_, err := client.GetAccountSettings(t.Context(), nil)
				return err
			},
			"GetFunctionConcurrency": func() error {
				_, err := client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
				return err
			},
			"GetFunctionConfiguration": func() error {
				_, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f")})
				return err
			},
		}
		for operation := range calls {
			s.Deny(operation)
			for other, call := range calls {
				err := call()
				if other != operation {
					assert.NoError(t, err)
					continue
				}
				var denied smithy.APIError
				require.ErrorAs(t, err, &denied)
				assert.Equal(t, "AccessDeniedException", denied.ErrorCode())
				assert.Contains(t, denied.ErrorMessage(), "is not authorized to perform: lambda:"+operation)
				var response *awshttp.ResponseError
				require.ErrorAs(t, err, &response)
				assert.Equal(t, 403, response.HTTPStatusCode())
				assert.NotEmpty(t, response.ServiceRequestID())
			}
			s.Allow(operation)
			require.NoError(t, calls[operation]())
		}
		_, err := client.Invoke(t.Context(), input(`{}`))
		require.NoError(t, err)
	})
}

func TestDenyRefuses(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	assert.PanicsWithValue(t, `lambdatest: Deny("Invoke"): must be an operation that reads settings`, func() { s.Deny("Invoke") })
	assert.Panics(t, func() { s.Allow("GetFunction") })
}
