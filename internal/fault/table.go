package fault

import (
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// verdict is what an answer means.
type verdict struct {
	class     Class
	certainty Certainty
}

// answers are the errors that Invoke documents (API_Invoke, "Errors"), by status. "Error codes are reserved for errors
// that prevent your function from executing" (API_Invoke): they mean NotExecuted, with the exceptions given below.
var answers = []struct {
	status int
	verdict
	codes []string
}{
	// The request or the function's configuration is wrong.
	{400, verdict{Permanent, NotExecuted}, []string{
		"InvalidParameterValueException", "InvalidRequestContentException", "ModeNotSupportedException",
		"NoPublishedVersionException", "RecursiveInvocationException",
	}},
	// The function's own afterRestore hook failed: its code has to change. The handler was not reached.
	{400, verdict{Permanent, NotExecuted}, []string{"SnapStartException"}},
	{402, verdict{Permanent, NotExecuted}, []string{"ServiceQuotaExceededException"}},
	// The mount was refused, by permission or by configuration.
	{403, verdict{Permanent, NotExecuted}, []string{"EFSMountFailureException", "S3FilesMountFailureException"}},
	{404, verdict{Permanent, NotExecuted}, []string{"ResourceNotFoundException"}},

	// The execution environment did not come up in time: this is before the handler.
	{408, verdict{Slow, NotExecuted}, []string{
		"EFSMountConnectivityException", "EFSMountTimeoutException", "S3FilesMountConnectivityException",
		"S3FilesMountTimeoutException", "SnapStartTimeoutException",
	}},
	// The function is Pending, or something it needs is being made ready.
	{409, verdict{Slow, NotExecuted}, []string{
		"ResourceConflictException", "CodeArtifactUserPendingException", "SnapStartNotReadyException",
	}},
	// It will not be made ready before somebody changes the function, or not within the patience of a retry.
	{409, verdict{Permanent, NotExecuted}, []string{
		"CodeArtifactUserDeletedException", "CodeArtifactUserFailedException", "SnapStartRegenerationFailureException",
	}},
	// This call did nothing; an earlier one of the same name did, with another payload.
	{409, verdict{Permanent, NotExecuted}, []string{"DurableExecutionAlreadyStartedException"}},
	// "An error occurred when reading from or writing to a connected file system": it may be the handler that did.
	{410, verdict{Transient, MaybeExecuted}, []string{"EFSIOException"}},
	// The last one is in no document and not in the SDK, but it is the one on the wire.
	{413, verdict{TooLarge, NotExecuted}, []string{
		"RequestTooLargeException", "SerializedRequestEntityTooLargeException", "RequestEntityTooLargeException",
	}},
	{415, verdict{Permanent, NotExecuted}, []string{"UnsupportedMediaTypeException"}},
	{429, verdict{Throttled, NotExecuted}, []string{"TooManyRequestsException"}},

	// "Your function's code might have run completely, partially, or not at all" (invocation-retries).
	{500, verdict{Transient, MaybeExecuted}, []string{"ServiceException"}},
	// The function's network is short of something, or still being set up.
	{502, verdict{Slow, NotExecuted}, []string{
		"EC2ThrottledException", "EC2UnexpectedException", "ENINotReadyException", "ResourceNotReadyException",
		"ENILimitReachedException", "SubnetIPAddressLimitReachedException",
	}},
	// A server error by number only: the function's configuration has to change.
	{502, verdict{Permanent, NotExecuted}, []string{
		"EC2AccessDeniedException", "InvalidRuntimeException", "InvalidSecurityGroupIDException",
		"InvalidSubnetIDException", "InvalidZipFileException", "KMSAccessDeniedException", "KMSDisabledException",
		"KMSInvalidStateException", "KMSNotFoundException",
	}},
}

// statuses have one meaning whatever the code: the one that all documented errors of that status share.
var statuses = map[int]verdict{
	http.StatusRequestTimeout:        {Slow, NotExecuted},
	http.StatusGone:                  {Transient, MaybeExecuted},
	http.StatusRequestEntityTooLarge: {TooLarge, NotExecuted},
	http.StatusTooManyRequests:       {Throttled, NotExecuted},
}

// refreshable begin the codes of refusals that new credentials or a corrected clock heal (CommonErrors): the SDK
// fetches the former and measures the latter on the way, so the next call is the proof.
var refreshable = []string{
	"ExpiredToken", "RequestExpired",
	"InvalidSignature", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthFailure",
}

type documented struct {
	status int
	verdict
}

var byCode = func() map[string]documented {
	m := make(map[string]documented)
	for _, a := range answers {
		for _, code := range a.codes {
			m[code] = documented{a.status, a.verdict}
		}
	}
	return m
}()

// judge reads an answer: the status first, for a proxy can answer in Lambda's place with any body, then the code.
// Status 0 is an error without a response, and then only a known code is an answer: a stand-in for the SDK's client
// gives those.
func judge(status int, code string) (v verdict, ok bool) {
	if d, ok := byCode[code]; ok && (status == d.status || status == 0) {
		return d.verdict, true
	}
	if v, ok := statuses[status]; ok {
		return v, true
	}
	if status == 0 || status/100 == 4 {
		if v, ok := refusal(code); ok {
			return v, true
		}
	}
	switch status / 100 {
	case 0:
		return verdict{}, false
	case 2:
		return verdict{Transient, Executed}, true // the function answered, and the answer broke off
	case 4:
		return verdict{Permanent, NotExecuted}, true
	case 5:
		return verdict{Transient, MaybeExecuted}, true // a load balancer's, or Lambda's in trouble
	default:
		return verdict{Permanent, MaybeExecuted}, true // a redirect: not Lambda's, and not followed
	}
}

// refusal judges the codes that all AWS services share, which come with several statuses of 4xx.
func refusal(code string) (v verdict, ok bool) {
	for _, prefix := range refreshable {
		if strings.HasPrefix(code, prefix) {
			return verdict{Once, NotExecuted}, true
		}
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return verdict{Throttled, NotExecuted}, true
	}
	return verdict{}, false
}
