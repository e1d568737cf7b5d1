package lambdabatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// The limits that AWS has set, read once when the program starts.
func ExampleDiscoverLimits() {
	service := lambdatest.New(lambdatest.AccountConcurrency(500))
	defer service.Close()
	service.Handle("price-orders", lambdatest.PerRecord(shout), lambdatest.Reserved(50), lambdatest.Timeout(30*time.Second))
	client := service.Client() // or lambda.NewFromConfig(cfg)

	limits, err := lambdabatch.DiscoverLimits(context.Background(), client, "price-orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	limiter, err := lambdabatch.NewLimiter(limits.LimiterOptions()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	prices, err := lambdabatch.New[string, string](client, "price-orders",
		append(limits.Options(), lambdabatch.WithLimiter(limiter))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer prices.Close()

	fmt.Println(limits.AccountConcurrency, *limits.ReservedConcurrency, limits.FunctionTimeout)
	// Output: 500 50 30s
}

// Without a permission, what is known is used.
func ExampleDiscoverLimits_denied() {
	service := lambdatest.New()
	defer service.Close()
	service.Handle("price-orders", lambdatest.PerRecord(shout), lambdatest.Reserved(0))
	service.Deny("GetAccountSettings", "GetFunctionConfiguration")

	limits, err := lambdabatch.DiscoverLimits(context.Background(), service.Client(), "price-orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, note := range limits.Notes {
		fmt.Println(note)
	}
	fmt.Println(limits.SwitchedOff(), len(limits.LimiterOptions()), len(limits.Options()))
	// Output:
	// the account's concurrency is unknown: lambda:GetAccountSettings: AccessDeniedException
	// the function is switched off: its reserved concurrency is 0, and Lambda refuses every invocation
	// the function's timeout is unknown: lambda:GetFunctionConfiguration: AccessDeniedException
	// true 0 0
}

const (
	readAccount       = "GetAccountSettings"
	readConcurrency   = "GetFunctionConcurrency"
	readConfiguration = "GetFunctionConfiguration"
)

func TestDiscoverLimits(t *testing.T) {
	t.Parallel()
	const (
		noAccount     = "the account's concurrency is unknown: lambda:GetAccountSettings: AccessDeniedException"
		noConcurrency = "whether concurrency is reserved for the function is unknown: lambda:GetFunctionConcurrency: AccessDeniedException"
		noTimeout     = "the function's timeout is unknown: lambda:GetFunctionConfiguration: AccessDeniedException"
	)
	for name, test := range map[string]struct {
		function string // "": f
		opts     []lambdatest.FunctionOption
		deny     []string
		want     lambdabatch.DiscoveredLimits
	}{
		"nothing reserved": {
			want: lambdabatch.DiscoveredLimits{AccountConcurrency: 300, UnreservedConcurrency: aws.Int(200), FunctionTimeout: 3 * time.Second},
		},
		"reserved": {
			opts: []lambdatest.FunctionOption{lambdatest.Reserved(50), lambdatest.Timeout(15 * time.Minute)},
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(150), ReservedConcurrency: aws.Int(50), FunctionTimeout: 15 * time.Minute,
			},
		},
		"switched off": {
			opts: []lambdatest.FunctionOption{lambdatest.Reserved(0)},
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(200), ReservedConcurrency: aws.Int(0), FunctionTimeout: 3 * time.Second,
				Notes: []string{"the function is switched off: its reserved concurrency is 0, and Lambda refuses every invocation"},
			},
		},
		"an alias by its ARN": {
			function: "arn:aws:lambda:us-east-1:123456789012:function:f:live",
			opts:     []lambdatest.FunctionOption{lambdatest.Reserved(50)},
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(150), ReservedConcurrency: aws.Int(50), FunctionTimeout: 3 * time.Second,
			},
		},
		"account denied": {
			opts: []lambdatest.FunctionOption{lambdatest.Reserved(50)},
			deny: []string{readAccount},
			want: lambdabatch.DiscoveredLimits{
				ReservedConcurrency: aws.Int(50), FunctionTimeout: 3 * time.Second, Notes: []string{noAccount},
			},
		},
		"concurrency denied": {
			opts: []lambdatest.FunctionOption{lambdatest.Reserved(50)},
			deny: []string{readConcurrency},
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(150), FunctionTimeout: 3 * time.Second, Notes: []string{noConcurrency},
			},
		},
		"configuration denied": {
			deny: []string{readConfiguration},
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(200), Notes: []string{noTimeout},
			},
		},
		"all denied": {
			deny: []string{readAccount, readConcurrency, readConfiguration},
			want: lambdabatch.DiscoveredLimits{Notes: []string{noAccount, noConcurrency, noTimeout}},
		},
		"no such function": {
			function: "nobody",
			want: lambdabatch.DiscoveredLimits{
				AccountConcurrency: 300, UnreservedConcurrency: aws.Int(200),
				Notes: []string{
					"whether concurrency is reserved for the function is unknown: lambda:GetFunctionConcurrency: ResourceNotFoundException",
					"the function's timeout is unknown: lambda:GetFunctionConfiguration: ResourceNotFoundException",
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lambdatest.New(lambdatest.AccountConcurrency(300))
			defer s.Close()
			s.Handle("f", lambdatest.PerRecord(shout), test.opts...)
			s.Handle("other", lambdatest.PerRecord(shout), lambdatest.Reserved(100))
			s.Deny(test.deny...)
			if test.function == "" {
				test.function = "f"
			}
			server, err := s.Listen("")
			require.NoError(t, err)
			for _, client := range []*lambda.Client{s.Client(), server.Client()} {
				limits, err := lambdabatch.DiscoverLimits(t.Context(), client, test.function)
				require.NoError(t, err)
				assert.Equal(t, test.function, limits.Function)
				assert.Equal(t, test.want.AccountConcurrency, limits.AccountConcurrency)
				assert.Equal(t, test.want.UnreservedConcurrency, limits.UnreservedConcurrency)
				assert.Equal(t, test.want.ReservedConcurrency, limits.ReservedConcurrency)
				assert.Equal(t, test.want.FunctionTimeout, limits.FunctionTimeout)
				assert.Equal(t, test.want.Notes, limits.Notes)
				_, err = lambdabatch.NewLimiter(limits.LimiterOptions()...)
				require.NoError(t, err)
			}
		})
	}
}

// The ceilings are those of Lambda: a Batcher that is given them is not throttled
// by a function that takes no time, and one call more at a time would be.
func TestDiscoveredLimitsAreTheCeilings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		account  int
		function []lambdatest.FunctionOption
		deny     string
		most     int     // in flight, of the function
		rate     float64 // of the function
	}{
		"reserved":            {account: 20, function: []lambdatest.FunctionOption{lambdatest.Reserved(5)}, most: 5, rate: 50},
		"unreserved":          {account: 20, most: 12, rate: 200},
		"concurrency unknown": {account: 20, deny: readConcurrency, most: 20, rate: 200},
		"account unknown":     {account: 20, function: []lambdatest.FunctionOption{lambdatest.Reserved(5)}, deny: readAccount, most: 5, rate: 50},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := lambdatest.New(lambdatest.AccountConcurrency(test.account))
				defer s.Close()
				s.Handle("f", lambdatest.PerRecord(shout), test.function...)
				s.Handle("other", lambdatest.PerRecord(shout), lambdatest.Reserved(8))
				if test.deny != "" {
					s.Deny(test.deny)
				}
				limits, err := lambdabatch.DiscoverLimits(t.Context(), s.Client(), "f:live")
				require.NoError(t, err)
				l, err := lambdabatch.NewLimiter(append(limits.LimiterOptions(), lambdabatch.Fixed())...)
				require.NoError(t, err)

				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				for range test.most {
					acquire(t, l, "f")
				}
				_, err = l.Acquire(ctx, "f")
				require.ErrorIs(t, err, context.DeadlineExceeded)

				l, err = lambdabatch.NewLimiter(append(limits.LimiterOptions(), lambdabatch.Fixed())...)
				require.NoError(t, err)
				start := time.Now()
				const n = 1000
				for range n {
					acquire(t, l, "f")(use(lambdabatch.Succeeded))
				}
				assert.InDelta(t, n/test.rate, time.Since(start).Seconds(), 0.2)
			})
		})
	}
}

// With what was discovered, an invocation is given up after the function's timeout
// and a margin.
func TestDiscoveredTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.Timeout(time.Minute))
		s.Fault(lambdatest.BlackHole())
		limits, err := lambdabatch.DiscoverLimits(t.Context(), s.Client(), upper)
		require.NoError(t, err)
		b := newBatcher(t, s.Client(), append(limits.Options(), lambdabatch.WithMaxAttempts(1), lambdabatch.WithLinger(0))...)
		start := time.Now()
		_, err = b.Do(t.Context(), "a")
		require.Error(t, err)
		assert.Equal(t, 75*time.Second, time.Since(start))
	})
}

// settings is a SettingsReader that is not the SDK.
type settings struct {
	account       func() (*lambda.GetAccountSettingsOutput, error)
	concurrency   func() (*lambda.GetFunctionConcurrencyOutput, error)
	configuration func() (*lambda.GetFunctionConfigurationOutput, error)
	calls         []string
}

func (s *settings) GetAccountSettings(context.Context, *lambda.GetAccountSettingsInput, ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error) {
	s.calls = append(s.calls, readAccount)
	return s.account()
}

func (s *settings) GetFunctionConcurrency(_ context.Context, in *lambda.GetFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error) {
	s.calls = append(s.calls, readConcurrency+" "+*in.FunctionName)
	return s.concurrency()
}

func (s *settings) GetFunctionConfiguration(_ context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	s.calls = append(s.calls, readConfiguration+" "+*in.FunctionName)
	return s.configuration()
}

func newSettings() *settings {
	return &settings{
		account: func() (*lambda.GetAccountSettingsOutput, error) {
			return &lambda.GetAccountSettingsOutput{AccountLimit: &types.AccountLimit{ConcurrentExecutions: 10, UnreservedConcurrentExecutions: aws.Int32(0)}}, nil
		},
		concurrency: func() (*lambda.GetFunctionConcurrencyOutput, error) {
			return &lambda.GetFunctionConcurrencyOutput{}, nil
		},
		configuration: func() (*lambda.GetFunctionConfigurationOutput, error) {
			return &lambda.GetFunctionConfigurationOutput{Timeout: aws.Int32(60), DurableConfig: &types.DurableConfig{}}, nil
		},
	}
}

func TestDiscoverLimitsOfOddAnswers(t *testing.T) {
	t.Parallel()
	s := newSettings()
	limits, err := lambdabatch.DiscoverLimits(t.Context(), s, "arn:aws:lambda:us-east-1:123456789012:function:f:live")
	require.NoError(t, err)
	assert.Equal(t, []string{
		readAccount,
		readConcurrency + " arn:aws:lambda:us-east-1:123456789012:function:f",
		readConfiguration + " arn:aws:lambda:us-east-1:123456789012:function:f:live",
	}, s.calls)
	assert.Equal(t, []string{
		"the account's concurrency is reserved for other functions, all of it: Lambda refuses every invocation",
		"the function is durable: its timeout does not say how long an invocation takes",
	}, limits.Notes)
	assert.Empty(t, limits.Options())
	assert.Len(t, limits.LimiterOptions(), 2)
	assert.False(t, limits.SwitchedOff())

	s.account = func() (*lambda.GetAccountSettingsOutput, error) { return &lambda.GetAccountSettingsOutput{}, nil }
	s.concurrency = func() (*lambda.GetFunctionConcurrencyOutput, error) { return nil, nil }
	s.configuration = func() (*lambda.GetFunctionConfigurationOutput, error) { return nil, errors.New("no route to host") }
	limits, err = lambdabatch.DiscoverLimits(t.Context(), s, "f")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"the account's concurrency is unknown: lambda:GetAccountSettings: the answer does not say",
		"whether concurrency is reserved for the function is unknown: lambda:GetFunctionConcurrency: the answer does not say",
		"the function's timeout is unknown: lambda:GetFunctionConfiguration: no route to host",
	}, limits.Notes)
	assert.Empty(t, limits.LimiterOptions())
}

func TestDiscoverLimitsRefuses(t *testing.T) {
	t.Parallel()
	_, err := lambdabatch.DiscoverLimits(t.Context(), nil, "f")
	require.ErrorContains(t, err, "client must not be nil")
	_, err = lambdabatch.DiscoverLimits(t.Context(), (*lambda.Client)(nil), "f")
	require.ErrorContains(t, err, "client must not be nil")
	s := newSettings()
	_, err = lambdabatch.DiscoverLimits(t.Context(), s, "not a name")
	require.ErrorContains(t, err, `function "not a name": must be a name`)
	assert.Empty(t, s.calls)
}

// The end of the context is the user's own wish, and no missing permission.
func TestDiscoverLimitsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := lambdatest.New(lambdatest.RoundTrip(time.Second))
		defer s.Close()
		s.Handle("f", lambdatest.PerRecord(shout))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		limits, err := lambdabatch.DiscoverLimits(ctx, s.Client(), "f")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Nil(t, limits)
		assert.Equal(t, 1500*time.Millisecond, time.Since(start))

		_, err = lambdabatch.DiscoverLimits(ended(), s.Client(), "f")
		require.ErrorIs(t, err, context.Canceled)
	})
}
