package lambdabatch_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// failure is a way in which an Invoke can fail.
type failure struct {
	name      string
	effect    lambdatest.Effect
	code      string // of the smithy.APIError that the user finds in the error
	certainty lambdabatch.Certainty
	fate      fate
}

// fate is what becomes of the records.
type fate int

const (
	permanent fate = iota // they fail
	retried               // they are retried, up to WithMaxAttempts
	once                  // they are retried once
	throttled             // they are retried for as long as it takes
	splits                // they are retried apart, and one that is alone fails
)

func (f fate) String() string {
	return []string{"permanent", "retried", "once", "throttled", "split"}[f]
}

// documented are the 43 errors that Invoke documents, with their statuses (AWS
// Lambda API Reference, "Invoke"; lambda/types and the schemas of the SDK).
func documented() []failure {
	const no, maybe = lambdabatch.NotExecuted, lambdabatch.MaybeExecuted
	var all []failure
	add := func(status int, certainty lambdabatch.Certainty, fate fate, codes ...string) {
		for _, code := range codes {
			all = append(all, failure{fmt.Sprint(status, " ", code), lambdatest.Status(status, code, "no"), code, certainty, fate})
		}
	}
	add(400, no, permanent, "InvalidParameterValueException", "InvalidRequestContentException", "ModeNotSupportedException",
		"NoPublishedVersionException", "RecursiveInvocationException", "SnapStartException")
	add(402, no, permanent, "ServiceQuotaExceededException")
	add(403, no, permanent, "EFSMountFailureException", "S3FilesMountFailureException")
	add(404, no, permanent, "ResourceNotFoundException")
	add(408, no, retried, "EFSMountConnectivityException", "EFSMountTimeoutException", "S3FilesMountConnectivityException",
		"S3FilesMountTimeoutException", "SnapStartTimeoutException")
	add(409, no, retried, "ResourceConflictException", "CodeArtifactUserPendingException", "SnapStartNotReadyException")
	add(409, no, permanent, "CodeArtifactUserDeletedException", "CodeArtifactUserFailedException",
		"SnapStartRegenerationFailureException", "DurableExecutionAlreadyStartedException")
	add(410, maybe, retried, "EFSIOException")
	add(413, no, splits, "RequestTooLargeException", "SerializedRequestEntityTooLargeException")
	add(415, no, permanent, "UnsupportedMediaTypeException")
	add(429, no, throttled, "TooManyRequestsException")
	add(500, maybe, retried, "ServiceException")
	add(502, no, retried, "EC2ThrottledException", "EC2UnexpectedException", "ENINotReadyException", "ResourceNotReadyException",
		"ENILimitReachedException", "SubnetIPAddressLimitReachedException")
	add(502, no, permanent, "EC2AccessDeniedException", "InvalidRuntimeException", "InvalidSecurityGroupIDException",
		"InvalidSubnetIDException", "InvalidZipFileException", "KMSAccessDeniedException", "KMSDisabledException",
		"KMSInvalidStateException", "KMSNotFoundException")
	return all
}

// undocumented is what comes over the wire besides.
func undocumented() []failure {
	const no, maybe, yes = lambdabatch.NotExecuted, lambdabatch.MaybeExecuted, lambdabatch.Executed
	return []failure{
		{"413 as it is on the wire", lambdatest.Status(413, "RequestEntityTooLargeException", "no"), "RequestEntityTooLargeException", no, splits},
		{"403 no permission", lambdatest.Status(403, "AccessDeniedException", "no"), "AccessDeniedException", no, permanent},
		{"403 old token", lambdatest.Status(403, "ExpiredTokenException", "no"), "ExpiredTokenException", no, once},
		{"403 wrong clock", lambdatest.Status(403, "InvalidSignatureException", "no"), "InvalidSignatureException", no, once},
		{"429 by somebody else", lambdatest.Status(429, "SlowDown", "no"), "SlowDown", no, throttled},
		{"500 without a body", lambdatest.ServerError(500, ""), "UnknownError", maybe, retried},
		{"502 of a proxy", lambdatest.ServerError(502, "<html>"), "", maybe, retried},
		{"503 of a proxy", lambdatest.ServerError(503, "<html>"), "", maybe, retried},
		{"refused connection", lambdatest.ConnectionRefused(), "", no, retried},
		{"lost before the function ran", lambdatest.ResetBefore(), "", maybe, retried},
		{"lost after the function ran", lambdatest.ResetAfter(), "", maybe, retried},
		{"no answer", lambdatest.BlackHole(), "", maybe, retried},
		{"half an answer", lambdatest.Truncated(), "", yes, retried},
	}
}

func TestEveryFailure(t *testing.T) {
	t.Parallel()
	require.Len(t, documented(), 43)
	for _, f := range append(documented(), undocumented()...) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for _, uncertain := range []bool{true, false} {
				bubbled(t, func(t *testing.T) { meet(t, f, uncertain) })
			}
		})
	}
}

// meet has a record meet a failure once, and always.
func meet(t *testing.T, f failure, uncertain bool) {
	t.Helper()
	const attempts = 3
	s := newService(t)
	b := newBatcher(t, s.Client(),
		lambdabatch.WithMaxAttempts(attempts), lambdabatch.WithRetryUncertain(uncertain),
		lambdabatch.WithInvocationTimeout(10*time.Second), lambdabatch.WithDeliveryTimeout(time.Minute),
		lambdabatch.WithBackoff(func() backoff.BackOff { return backoff.NewConstantBackOff(time.Second) }))
	mayRetry := f.certainty == lambdabatch.NotExecuted || uncertain

	s.Fault(f.effect, lambdatest.Count(1))
	future := b.Submit(t.Context(), "text")
	value, err := future.Await(t.Context())
	if f.fate == permanent || f.fate == splits || !mayRetry {
		require.Error(t, err)
		assert.Len(t, future.Attempts(), 1)
	} else {
		require.NoError(t, err)
		assert.Equal(t, "TEXT", value)
		assert.Len(t, future.Attempts(), 2)
	}

	always := s.Fault(f.effect)
	future = b.Submit(t.Context(), "text")
	_, err = future.Await(t.Context())
	var failed *lambdabatch.InvokeError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, upper, failed.Function)
	assert.Equal(t, f.certainty, failed.Certainty)
	assert.Equal(t, f.certainty, lambdabatch.CertaintyOf(err))
	var api smithy.APIError
	if errors.As(err, &api) {
		assert.Equal(t, f.code, api.ErrorCode())
	} else {
		assert.Empty(t, f.code)
	}
	want := 1
	switch {
	case f.fate == throttled:
		assert.ErrorIs(t, err, lambdabatch.ErrDeliveryTimeout)
		want = 60
	case f.fate == once:
		want = 2
	case f.fate == retried && mayRetry:
		want = attempts
	}
	assert.Len(t, future.Attempts(), want)
	for _, a := range future.Attempts() {
		assert.Equal(t, f.certainty, a.Certainty)
		assert.Error(t, a.Err)
	}
	always.Remove()

	// Of two records neither is harmed by how the other is sent again.
	if f.fate == splits {
		s.Fault(f.effect, lambdatest.Count(1))
		one, other := b.Submit(t.Context(), "one"), b.Submit(t.Context(), "other")
		for _, f := range []*lambdabatch.Future[string]{one, other} {
			_, err := f.Await(t.Context())
			require.NoError(t, err)
			assert.Len(t, f.Attempts(), 2)
		}
	}
}
