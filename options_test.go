package lambdabatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// New finds all faults at once, each with the option, the value and what would
// be right.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	_, err := lambdabatch.New[string, string](nil, "no such/name",
		lambdabatch.WithMaxRecords(0), lambdabatch.WithMaxBytes(7_000_000), lambdabatch.WithLinger(-time.Second),
		lambdabatch.WithMaxBuffered(0, -1), lambdabatch.WithInvocationTimeout(0), lambdabatch.WithDeliveryTimeout(-1),
		lambdabatch.WithMaxAttempts(0), lambdabatch.WithBackoff(nil), lambdabatch.WithLimiter(nil),
		lambdabatch.WithInvocationType(types.InvocationTypeDryRun), lambdabatch.WithQualifier(""), lambdabatch.WithLogger(nil))
	require.Error(t, err)
	for _, line := range []string{
		"client: must not be nil",
		`function "no such/name": must be a name`,
		"WithMaxRecords(0): must be at least 1",
		"WithMaxBytes(7000000): must be from 64 to 6291456 bytes",
		"WithLinger(-1s): must not be negative",
		"WithMaxBuffered(0, -1): must be at least 1 record and 1 byte",
		"WithInvocationTimeout(0s): must be more than 0",
		"WithDeliveryTimeout(-1ns): must not be negative",
		"WithMaxAttempts(0): must be at least 1",
		"WithBackoff(nil): must be a function",
		"WithLimiter(nil): must be a Limiter",
		`WithInvocationType("DryRun"): must be RequestResponse or Event`,
		`WithQualifier(""): must be a version or an alias`,
		"WithLogger(nil): must be a Logger",
	} {
		assert.ErrorContains(t, err, "lambdabatch: "+line)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 14)
}

func TestBadOptionsOneByOne(t *testing.T) {
	t.Parallel()
	client := lambda.New(lambda.Options{})
	var none *lambda.Client
	var noLimiter *lambdabatch.AdaptiveLimiter
	for says, build := range map[string]func() error{
		"client: must not be nil": func() error { _, err := lambdabatch.New[int, int](none, "f"); return err },
		`function ""`:             func() error { _, err := lambdabatch.New[int, int](client, ""); return err },
		"WithMaxBytes(1048577): must be from 64 to 1048576 bytes": func() error {
			_, err := lambdabatch.New[int, int](client, "f", lambdabatch.WithMaxBytes(1<<20+1), lambdabatch.WithInvocationType(types.InvocationTypeEvent))
			return err
		},
		"WithMaxBytes(0): must be": func() error {
			_, err := lambdabatch.New[int, int](client, "f", lambdabatch.WithMaxBytes(0))
			return err
		},
		"names a version or an alias already": func() error {
			_, err := lambdabatch.New[int, int](client, "arn:aws:lambda:eu-west-1:123456789012:function:f:prod", lambdabatch.WithQualifier("7"))
			return err
		},
		"WithLogTail(): an Event invocation has no log": func() error {
			_, err := lambdabatch.New[int, int](client, "f", lambdabatch.WithLogTail(), lambdabatch.WithInvocationType(types.InvocationTypeEvent))
			return err
		},
		"WithLimiter(nil)": func() error {
			_, err := lambdabatch.New[int, int](client, "f", lambdabatch.WithLimiter(noLimiter))
			return err
		},
	} {
		assert.ErrorContains(t, build(), says)
	}
	b, err := lambdabatch.New[int, int](client, "arn:aws:lambda:eu-west-1:123456789012:function:f", nil, lambdabatch.WithQualifier("$LATEST"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

func TestRecordOptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client())
		for says, option := range map[string]lambdabatch.RecordOption{
			`ID(""): must be`:         lambdabatch.ID(""),
			`ID("\xff"): must be`:     lambdabatch.ID("\xff"),
			`Tenant(""): must be`:     lambdabatch.Tenant(""),
			`Tenant("a\nb"): must be`: lambdabatch.Tenant("a\nb"),
			`Tenant("xxxxxxxxxxxxxxx`: lambdabatch.Tenant(strings.Repeat("x", 257)),
		} {
			_, err := b.Submit(t.Context(), "a", option).Await(ended())
			require.ErrorContains(t, err, says)
			assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		}
		weird := "\"quoted\"\\ \n\u2028 é 日本 😀 \x00"
		f := b.Submit(t.Context(), "a", lambdabatch.ID(weird), nil)
		got, err := f.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "A", got)
		assert.Equal(t, weird, f.ID())
	})
}

func TestGeneratedIDsAreUnique(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		one, two := newBatcher(t, s.Client()), newBatcher(t, s.Client())
		seen := map[string]bool{}
		for range 500 {
			for _, b := range []*lambdabatch.Batcher[string, string]{one, two} {
				id := b.Submit(t.Context(), "a").ID()
				assert.False(t, seen[id], id)
				assert.LessOrEqual(t, len(id), 20)
				seen[id] = true
			}
		}
	})
}

func TestQualifierAndFunctionReachLambda(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b, err := lambdabatch.New[string, string](s.Client(), "arn:aws:lambda:eu-west-1:123456789012:function:upper", lambdabatch.WithQualifier("prod"))
		require.NoError(t, err)
		defer b.Close()
		s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.TenantIsolation())
		_, err = b.Do(t.Context(), "a", lambdabatch.Tenant("t 1"))
		require.NoError(t, err)
		got := s.Invocations()[0]
		assert.Equal(t, upper, got.Function)
		assert.Equal(t, "prod", got.Qualifier)
		assert.Equal(t, "t 1", got.Tenant)
	})
}

func TestAwaitEndsOnlyTheWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Second))
		f := b.Submit(t.Context(), "a")
		_, err := f.Await(ended())
		require.ErrorContains(t, err, "waiting for record "+f.ID())
		assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
		assert.Nil(t, f.Attempts(), "not yet")
		done := f.Done()
		<-done
		assert.Len(t, f.Attempts(), 1)
		got, err := f.Await(ended())
		require.NoError(t, err, "what is there is had, whatever ctx says")
		assert.Equal(t, "A", got)
	})
}

func TestFunctionNames(t *testing.T) {
	t.Parallel()
	client := lambda.New(lambda.Options{})
	for name, good := range map[string]bool{
		"f": true, "my-function_1": true, "f:prod": true, "f:$LATEST": true, "123456789012:function:f": true,
		"arn:aws:lambda:eu-west-1:123456789012:function:f": true, "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f:7": true,
		"": false, "a b": false, "a/b": false, "a:b:c:d": false, "f:": false, "https://example.com": false, strings.Repeat("x", 257): false,
	} {
		b, err := lambdabatch.New[int, int](client, name)
		if good {
			require.NoError(t, err, name)
			require.NoError(t, b.Close())
		} else {
			assert.ErrorContains(t, err, "must be a name, name:alias, partial ARN or ARN", name)
		}
	}
}
