package lambdabatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/lambdabatch/lambdabatch/internal/name"
)

// SettingsReader is what [DiscoverLimits] needs of the SDK's Lambda client: a
// *lambda.Client is one.
type SettingsReader interface {
	GetAccountSettings(ctx context.Context, in *lambda.GetAccountSettingsInput, optFns ...func(*lambda.Options)) (*lambda.GetAccountSettingsOutput, error)
	GetFunctionConcurrency(ctx context.Context, in *lambda.GetFunctionConcurrencyInput, optFns ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error)
	GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, optFns ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
}

// DiscoveredLimits is what [DiscoverLimits] has found. What it has not is
// missing from the options that its methods return.
type DiscoveredLimits struct {
	Function string // as given to DiscoverLimits

	// AccountConcurrency is how many invocations may be under way in the account and
	// Region, of all functions; 0 if that is unknown.
	AccountConcurrency int
	// UnreservedConcurrency is the part of it that is shared by the functions that
	// have nothing reserved; nil if that is unknown.
	UnreservedConcurrency *int
	// ReservedConcurrency is the part that is for the function alone, and the most it
	// may have; nil if there is none, or if that is unknown.
	ReservedConcurrency *int
	// FunctionTimeout is how long one invocation of the function may run; 0 if that
	// is unknown, or if the function is durable.
	FunctionTimeout time.Duration

	// Notes says in plain sentences what is unknown and why, and what is odd: one
	// for each, to be logged or printed. Their texts may change.
	Notes []string

	reservedUnknown bool
}

// DiscoverLimits reads the ceilings that AWS has set for the account and the
// function, given by its name or ARN, and the function's timeout:
//
//	limits, err := lambdabatch.DiscoverLimits(ctx, client, "price-orders")
//	...
//	limiter, err := lambdabatch.NewLimiter(limits.LimiterOptions()...)
//	...
//	prices, err := lambdabatch.New[Order, Price](client, "price-orders",
//		append(limits.Options(), lambdabatch.WithLimiter(limiter))...)
//
// It makes three calls, one after the other: GetAccountSettings,
// GetFunctionConcurrency and GetFunctionConfiguration. They need the permissions of
// these names (lambda:GetAccountSettings and so on) and belong to the 15 requests a
// second that an account and Region have for nearly all operations that are no
// invocations, deployments included (AWS Lambda Developer Guide, "Lambda quotas").
// So call it when the program starts, and not for each record. The SDK's own
// retries apply.
//
// A call that fails, as for want of the permission, leaves its part out, with a
// note: the limiter then adapts without that ceiling. So does a function that does
// not exist. An error is only for the end of ctx, which it wraps, and for
// arguments that cannot be.
//
// The account is that of client's credentials. Of a function in another account
// only what is reserved, and its timeout, are of use.
func DiscoverLimits(ctx context.Context, client SettingsReader, function string) (*DiscoveredLimits, error) {
	switch {
	case isNil(client):
		return nil, errors.New("lambdabatch: DiscoverLimits: client must not be nil")
	case !validFunction(function):
		return nil, fmt.Errorf("lambdabatch: DiscoverLimits: function %q: must be a name, name:alias, partial ARN or ARN of at most 256 characters", function)
	}
	d := &DiscoveredLimits{Function: function}
	for _, read := range []func(context.Context, SettingsReader) (unknown, operation string, err error){
		d.readAccount, d.readConcurrency, d.readConfiguration,
	} {
		unknown, operation, err := read(ctx, client)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("lambdabatch: discovering the limits of %s: %w", function, ctx.Err())
		}
		if err != nil {
			d.note("%s is unknown: lambda:%s: %s", unknown, operation, reason(err))
		}
	}
	return d, nil
}

func (d *DiscoveredLimits) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// reason is the error without what changes from call to call.
func reason(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return err.Error()
}

var errNoAnswer = errors.New("the answer does not say")

func (d *DiscoveredLimits) readAccount(ctx context.Context, client SettingsReader) (unknown, operation string, err error) {
	unknown, operation = "the account's concurrency", "GetAccountSettings"
	out, err := client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	switch {
	case err != nil:
		return unknown, operation, err
	case out == nil || out.AccountLimit == nil || out.AccountLimit.ConcurrentExecutions <= 0:
		return unknown, operation, errNoAnswer
	}
	d.AccountConcurrency = int(out.AccountLimit.ConcurrentExecutions)
	if unreserved := out.AccountLimit.UnreservedConcurrentExecutions; unreserved != nil {
		d.UnreservedConcurrency = aws.Int(int(*unreserved))
	}
	return "", "", nil
}

func (d *DiscoveredLimits) readConcurrency(ctx context.Context, client SettingsReader) (unknown, operation string, err error) {
	unknown, operation = "whether concurrency is reserved for the function", "GetFunctionConcurrency"
	out, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{
		FunctionName: aws.String(unqualified(d.Function)), // reservations are of the function as a whole
	})
	switch {
	case err != nil:
		d.reservedUnknown = true
		return unknown, operation, err
	case out == nil:
		d.reservedUnknown = true
		return unknown, operation, errNoAnswer
	}
	if reserved := out.ReservedConcurrentExecutions; reserved != nil {
		d.ReservedConcurrency = aws.Int(int(*reserved))
	}
	switch {
	case d.SwitchedOff():
		d.note("the function is switched off: its reserved concurrency is 0, and Lambda refuses every invocation")
	case d.ReservedConcurrency == nil && d.UnreservedConcurrency != nil && *d.UnreservedConcurrency == 0:
		d.note("the account's concurrency is reserved for other functions, all of it: Lambda refuses every invocation")
	}
	return "", "", nil
}

func (d *DiscoveredLimits) readConfiguration(ctx context.Context, client SettingsReader) (unknown, operation string, err error) {
	unknown, operation = "the function's timeout", "GetFunctionConfiguration"
	out, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(d.Function)})
	switch {
	case err != nil:
		return unknown, operation, err
	case out == nil || out.Timeout == nil || *out.Timeout <= 0:
		return unknown, operation, errNoAnswer
	case out.DurableConfig != nil:
		d.note("the function is durable: its timeout does not say how long an invocation takes")
		return "", "", nil
	}
	d.FunctionTimeout = time.Duration(*out.Timeout) * time.Second
	return "", "", nil
}

// unqualified is the name or ARN without its version or alias.
func unqualified(function string) string {
	_, qualifier, _ := name.Parse(function)
	return strings.TrimSuffix(function, ":"+qualifier)
}

// SwitchedOff tells whether the function's reserved concurrency is 0: Lambda then
// refuses every invocation, until it is raised or removed.
func (d *DiscoveredLimits) SwitchedOff() bool {
	return d.ReservedConcurrency != nil && *d.ReservedConcurrency == 0
}

// LimiterOptions returns what is known as ceilings for [NewLimiter].
//
// For all functions together: [InFlight] with the account's concurrency, and
// [Rate] with ten times as many a second. For the function: [FunctionInFlight] and
// [FunctionRate] likewise, if concurrency is reserved for it; and if not, a
// [FunctionInFlight] of what is unreserved. "The total invocation limit is 10
// times your concurrency limit" (AWS Lambda Developer Guide, "Lambda quotas"; for
// accounts and functions alike: "Understanding Lambda function scaling"). How many
// may come at once is not known; it is taken to be as many as may be under way.
//
// A limiter for many functions of an account takes the options of each, one after
// the other. Ceilings are no promise: other programs use the same quota.
func (d *DiscoveredLimits) LimiterOptions() []LimiterOption {
	var opts []LimiterOption
	if n := d.AccountConcurrency; n > 0 {
		opts = append(opts, InFlight(n), Rate(ratePerConcurrency*float64(n), n))
	}
	switch bare := name.Bare(d.Function); {
	case d.ReservedConcurrency != nil:
		if n := *d.ReservedConcurrency; n > 0 {
			opts = append(opts, FunctionInFlight(bare, n), FunctionRate(bare, ratePerConcurrency*float64(n), n))
		}
	case d.UnreservedConcurrency != nil && !d.reservedUnknown:
		if n := *d.UnreservedConcurrency; n > 0 {
			opts = append(opts, FunctionInFlight(bare, n))
		}
	}
	return opts
}

// ratePerConcurrency is how many invocations a second each unit of concurrency
// stands for.
const ratePerConcurrency = 10

// Options returns what is known as options for [New]: [WithInvocationTimeout] with
// the function's timeout and 15 s for the way there and back and for a cold start.
func (d *DiscoveredLimits) Options() []Option {
	if d.FunctionTimeout == 0 {
		return nil
	}
	return []Option{WithInvocationTimeout(d.FunctionTimeout + 15*time.Second)}
}
