package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

const requestID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

// newClient is the real client with the settings that the library gives each call.
func newClient(endpoint string, httpClient lambda.HTTPClient, opts ...func(*lambda.Options)) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		Credentials:  aws.AnonymousCredentials{},
		HTTPClient:   httpClient,
		Retryer:      aws.NopRetryer{},
	}, opts...)
}

func input() *lambda.InvokeInput {
	return &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"records":[]}`)}
}

// invoke makes one watched call that has to fail.
func invoke(ctx context.Context, t *testing.T, client *lambda.Client) (fault.Fault, error) {
	t.Helper()
	var trace fault.Trace
	_, err := client.Invoke(ctx, input(), trace.Watch)
	require.Error(t, err)
	return fault.Of(ctx, err, &trace), err
}

// answer is an HTTP client that gives one answer, the way Lambda does.
func answer(status int, code, body string, headers ...string) smithyhttp.ClientDoFunc {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"X-Amzn-Requestid": {requestID}, "Content-Type": {"application/json"}}
		if code != "" {
			h.Set("X-Amzn-Errortype", code)
		}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		not   = fault.NotExecuted
		maybe = fault.MaybeExecuted
	)
	type row struct {
		status    int
		code      string
		class     fault.Class
		certainty fault.Certainty
	}
	rows := []row{
		// The errors that Invoke documents.
		{429, "TooManyRequestsException", fault.Throttled, not},
		{400, "InvalidParameterValueException", fault.Permanent, not},
		{400, "InvalidRequestContentException", fault.Permanent, not},
		{400, "ModeNotSupportedException", fault.Permanent, not},
		{400, "NoPublishedVersionException", fault.Permanent, not},
		{400, "RecursiveInvocationException", fault.Permanent, not},
		{400, "SnapStartException", fault.Permanent, not},
		{402, "ServiceQuotaExceededException", fault.Permanent, not},
		{403, "EFSMountFailureException", fault.Permanent, not},
		{403, "S3FilesMountFailureException", fault.Permanent, not},
		{404, "ResourceNotFoundException", fault.Permanent, not},
		{408, "EFSMountConnectivityException", fault.Slow, not},
		{408, "EFSMountTimeoutException", fault.Slow, not},
		{408, "S3FilesMountConnectivityException", fault.Slow, not},
		{408, "S3FilesMountTimeoutException", fault.Slow, not},
		{408, "SnapStartTimeoutException", fault.Slow, not},
		{409, "ResourceConflictException", fault.Slow, not},
		{409, "CodeArtifactUserPendingException", fault.Slow, not},
		{409, "SnapStartNotReadyException", fault.Slow, not},
		{409, "CodeArtifactUserDeletedException", fault.Permanent, not},
		{409, "CodeArtifactUserFailedException", fault.Permanent, not},
		{409, "SnapStartRegenerationFailureException", fault.Permanent, not},
		{409, "DurableExecutionAlreadyStartedException", fault.Permanent, not},
		{410, "EFSIOException", fault.Transient, maybe},
		{413, "RequestTooLargeException", fault.TooLarge, not},
		{413, "SerializedRequestEntityTooLargeException", fault.TooLarge, not},
		{415, "UnsupportedMediaTypeException", fault.Permanent, not},
		{500, "ServiceException", fault.Transient, maybe},
		{502, "EC2ThrottledException", fault.Slow, not},
		{502, "EC2UnexpectedException", fault.Slow, not},
		{502, "ENINotReadyException", fault.Slow, not},
		{502, "ResourceNotReadyException", fault.Slow, not},
		{502, "ENILimitReachedException", fault.Slow, not},
		{502, "SubnetIPAddressLimitReachedException", fault.Slow, not},
		{502, "EC2AccessDeniedException", fault.Permanent, not},
		{502, "InvalidRuntimeException", fault.Permanent, not},
		{502, "InvalidSecurityGroupIDException", fault.Permanent, not},
		{502, "InvalidSubnetIDException", fault.Permanent, not},
		{502, "InvalidZipFileException", fault.Permanent, not},
		{502, "KMSAccessDeniedException", fault.Permanent, not},
		{502, "KMSDisabledException", fault.Permanent, not},
		{502, "KMSInvalidStateException", fault.Permanent, not},
		{502, "KMSNotFoundException", fault.Permanent, not},
	}
	require.Len(t, rows, 43)
	rows = append(
		rows,
		// On the wire, and in no document.
		row{413, "RequestEntityTooLargeException", fault.TooLarge, not},

		// What all AWS services have in common.
		row{403, "AccessDeniedException", fault.Permanent, not},
		row{403, "AccessDenied", fault.Permanent, not},
		row{403, "UnrecognizedClientException", fault.Permanent, not},
		row{403, "ExpiredTokenException", fault.Once, not},
		row{400, "ExpiredToken", fault.Once, not},
		row{403, "InvalidSignatureException", fault.Once, not},
		row{403, "SignatureDoesNotMatch", fault.Once, not},
		row{403, "RequestTimeTooSkewed", fault.Once, not},
		row{401, "AuthFailure", fault.Once, not},
		row{400, "RequestExpired", fault.Once, not},
		row{400, "ThrottlingException", fault.Throttled, not},

		// The status decides before the code does.
		row{429, "SomethingNewException", fault.Throttled, not},
		row{429, "ServiceException", fault.Throttled, not},
		row{429, "ExpiredTokenException", fault.Throttled, not},
		row{413, "SomethingNewException", fault.TooLarge, not},
		row{408, "RequestTimeout", fault.Slow, not},
		row{410, "SomethingNewException", fault.Transient, maybe},
		row{400, "SomethingNewException", fault.Permanent, not},
		row{409, "SomethingNewException", fault.Permanent, not},
		row{400, "ServiceException", fault.Permanent, not},
		row{500, "InvalidRuntimeException", fault.Transient, maybe},
		row{500, "ResourceNotFoundException", fault.Transient, maybe},
		row{500, "ThrottlingException", fault.Transient, maybe},
		row{500, "SomethingNewException", fault.Transient, maybe},
		row{502, "SomethingNewException", fault.Transient, maybe},
		row{503, "ServiceUnavailableException", fault.Transient, maybe},
		row{504, "SomethingNewException", fault.Transient, maybe},
		row{307, "SomethingNewException", fault.Permanent, maybe},
	)

	for _, row := range rows {
		t.Run(fmt.Sprint(row.status, " ", row.code), func(t *testing.T) {
			t.Parallel()
			client := newClient("https://lambda.test", answer(row.status, row.code, `{"Type":"User","message":"no"}`))
			want := fault.Fault{
				Class: row.class, Certainty: row.certainty,
				Status: row.status, Code: row.code, RequestID: requestID,
			}
			if row.class == fault.Slow {
				want.RetryAfter = fault.SlowFloor
			}
			got, err := invoke(t.Context(), t, client)
			assert.Equal(t, want, got, err)
		})
	}
}

func TestAnswersThatAreNotLambdas(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Bad Gateway</body></html>"
	tests := map[string]struct {
		client smithyhttp.ClientDoFunc
		want   fault.Fault
	}{
		"page 502": {answer(502, "", page), fault.Fault{Class: fault.Transient, Status: 502}},
		"page 503": {answer(503, "", page), fault.Fault{Class: fault.Transient, Status: 503}},
		"page 403": {answer(403, "", page), fault.Fault{Class: fault.Permanent, Certainty: fault.NotExecuted, Status: 403}},
		"page 429": {answer(429, "", page), fault.Fault{Class: fault.Throttled, Certainty: fault.NotExecuted, Status: 429}},
		"page 413": {answer(413, "", page), fault.Fault{Class: fault.TooLarge, Certainty: fault.NotExecuted, Status: 413}},
		"empty 500": {answer(500, "", ""), fault.Fault{
			Class: fault.Transient, Status: 500, Code: "UnknownError",
		}},
		"empty 404": {answer(404, "", ""), fault.Fault{
			Class: fault.Permanent, Certainty: fault.NotExecuted, Status: 404, Code: "UnknownError",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.RequestID = requestID
			got, err := invoke(t.Context(), t, newClient("https://lambda.test", tt.client))
			assert.Equal(t, tt.want, got, err)
		})
	}
}

func TestReasonOfAThrottle(t *testing.T) {
	t.Parallel()
	reasons := append(types.ThrottleReason("").Values(), "SomethingNewLimitExceeded", "")
	for _, reason := range reasons {
		body := fmt.Sprintf(`{"Reason":%q,"Type":"User","message":"Rate Exceeded."}`, reason)
		if reason == "" {
			body = `{"message":"Rate Exceeded."}`
		}
		client := newClient("https://lambda.test", answer(429, "TooManyRequestsException", body, "Retry-After", "7"))
		got, err := invoke(t.Context(), t, client)
		assert.Equal(t, fault.Fault{
			Class: fault.Throttled, Certainty: fault.NotExecuted, Reason: reason, RetryAfter: 7 * time.Second,
			Status: 429, Code: "TooManyRequestsException", RequestID: requestID,
		}, got, err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		code   string
		header string
		want   time.Duration
	}{
		"seconds":             {429, "TooManyRequestsException", "30", 30 * time.Second},
		"none of a throttle":  {429, "TooManyRequestsException", "", 0},
		"on a 503":            {503, "", "5", 5 * time.Second},
		"zero":                {429, "", "0", 0},
		"capped":              {429, "", "86400", 15 * time.Minute},
		"beyond a Duration":   {429, "", "18446744073709551615", 15 * time.Minute},
		"beyond 64 bits":      {429, "", "99999999999999999999999", 15 * time.Minute},
		"negative":            {429, "", "-5", 0},
		"fraction":            {429, "", "1.5", 0},
		"garbage":             {429, "", "soon", 0},
		"date":                {429, "", "Wed, 21 Oct 2026 07:29:00 GMT", time.Minute},
		"date, long past":     {429, "", "Wed, 21 Oct 2015 07:28:00 GMT", 0},
		"date, far ahead":     {429, "", "Wed, 21 Oct 2099 07:28:00 GMT", 15 * time.Minute},
		"less than the floor": {409, "ResourceConflictException", "1", fault.SlowFloor},
		"more than the floor": {409, "ResourceConflictException", "9", 9 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient("https://lambda.test", answer(tt.status, tt.code, `{}`,
				"Retry-After", tt.header, "Date", "Wed, 21 Oct 2026 07:28:00 GMT"))
			got, err := invoke(t.Context(), t, client)
			assert.Equal(t, tt.want, got.RetryAfter, err)
		})
	}
}

// The SDK marks any refusal as retryable when its clock turns out to be wrong, and corrects it for the next call.
func TestSkewedClock(t *testing.T) {
	t.Parallel()
	for offset, want := range map[time.Duration]fault.Class{0: fault.Permanent, time.Hour: fault.Once} {
		date := time.Now().Add(offset).UTC().Format(http.TimeFormat)
		client := newClient("https://lambda.test", answer(403, "AccessDeniedException", `{}`, "Date", date))
		got, err := invoke(t.Context(), t, client)
		assert.Equal(t, want, got.Class, err)
		assert.Equal(t, fault.NotExecuted, got.Certainty)
	}
}

type failingCredentials struct{ err error }

func (f failingCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, f.err
}

// sts is what another AWS service's refusal looks like inside the error of an Invoke.
func sts(status int, code string) error {
	return &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: &awshttp.ResponseError{
		RequestID: "of-sts",
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{
				StatusCode: status, Header: http.Header{"Retry-After": {"60"}},
			}},
			Err: &smithy.GenericAPIError{Code: code},
		},
	}}
}

func TestBeforeTheTransport(t *testing.T) {
	t.Parallel()
	_, noSuchFile := (&net.Dialer{}).Dial("unix", t.TempDir()+"/none")
	tests := map[string]struct {
		err  error
		want fault.Class
	}{
		"no credentials":       {errors.New("none configured"), fault.Permanent},
		"refused by STS":       {sts(403, "AccessDenied"), fault.Permanent},
		"expired for STS":      {sts(400, "ExpiredTokenException"), fault.Permanent},
		"throttled by STS":     {sts(400, "Throttling"), fault.Transient},
		"throttled by SSO":     {sts(429, "TooManyRequestsException"), fault.Transient},
		"STS in trouble":       {sts(503, "ServiceUnavailable"), fault.Transient},
		"STS out of reach":     {noSuchFile, fault.Transient},
		"STS unknown to DNS":   {&net.DNSError{IsNotFound: true, Name: "sts.test"}, fault.Transient},
		"provider's timeout":   {context.DeadlineExceeded, fault.Transient},
		"canceled with others": {&smithy.CanceledError{Err: context.Canceled}, fault.Transient},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient("https://lambda.test", answer(200, "", `{}`), func(o *lambda.Options) {
				o.Credentials = failingCredentials{tt.err}
			})
			got, err := invoke(t.Context(), t, client)
			assert.Equal(t, fault.Fault{Class: tt.want, Certainty: fault.NotExecuted}, got, err)
		})
	}

	t.Run("a file that is not there", func(t *testing.T) {
		t.Parallel()
		_, err := http.Dir(t.TempDir()).Open("token")
		require.Error(t, err) // its syscall.Errno has all the methods of a net.Error
		client := newClient("https://lambda.test", answer(200, "", `{}`), func(o *lambda.Options) {
			o.Credentials = failingCredentials{err}
		})
		got, err := invoke(t.Context(), t, client)
		assert.Equal(t, fault.Fault{Class: fault.Permanent, Certainty: fault.NotExecuted}, got, err)
	})
	t.Run("invalid input", func(t *testing.T) {
		t.Parallel()
		var trace fault.Trace
		_, err := newClient("https://lambda.test", answer(200, "", `{}`)).
			Invoke(t.Context(), &lambda.InvokeInput{}, trace.Watch)
		require.Error(t, err)
		assert.Equal(t, fault.Fault{Class: fault.Permanent, Certainty: fault.NotExecuted}, fault.Of(t.Context(), err, &trace))
	})
	t.Run("ended ctx", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, err := invoke(ctx, t, newClient("https://lambda.test", answer(200, "", `{}`)))
		assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.NotExecuted}, got, err)
	})
	t.Run("ctx ended on the way", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		endCtx := middleware.DeserializeMiddlewareFunc("endCtx", func(
			ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
		) (middleware.DeserializeOutput, middleware.Metadata, error) {
			cancel()
			return next.HandleDeserialize(ctx, in)
		})
		client := newClient("https://lambda.test", answer(200, "", `{}`), func(o *lambda.Options) {
			o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
				return s.Deserialize.Add(endCtx, middleware.After)
			})
		})
		got, err := invoke(ctx, t, client)
		assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.NotExecuted}, got, err)
	})
}

// An HTTP client need not honor httptrace, and then only the error's own type proves anything.
func TestHTTPClientWithoutHTTPTrace(t *testing.T) {
	t.Parallel()
	for want, cause := range map[fault.Certainty]error{
		fault.MaybeExecuted: errors.New("lost"),
		fault.NotExecuted:   &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")},
	} {
		fails := smithyhttp.ClientDoFunc(func(*http.Request) (*http.Response, error) { return nil, cause })
		got, err := invoke(t.Context(), t, newClient("https://lambda.test", fails))
		assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: want}, got, err)
	}
}

// An HTTP client that retries by itself reports its last failure.
func TestDialAfterAnEarlierRequest(t *testing.T) {
	t.Parallel()
	retries := smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
		hooks := httptrace.ContextClientTrace(r.Context())
		hooks.GetConn("lambda.test:443")
		hooks.WroteRequest(httptrace.WroteRequestInfo{})
		hooks.GetConn("lambda.test:443")
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	})
	got, err := invoke(t.Context(), t, newClient("https://lambda.test", retries))
	assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.MaybeExecuted}, got, err)
}

// What is not the SDK's client may ignore options, or call them and go its own way: then nothing is known.
func TestOtherInvokers(t *testing.T) {
	t.Parallel()
	err := errors.New("lost")
	maybe := fault.Fault{Class: fault.Transient, Certainty: fault.MaybeExecuted}
	var ignored, called fault.Trace
	called.Watch(&lambda.Options{})
	assert.Equal(t, maybe, fault.Of(t.Context(), err, nil))
	assert.Equal(t, maybe, fault.Of(t.Context(), err, &ignored))
	assert.Equal(t, maybe, fault.Of(t.Context(), err, &called))
	assert.Equal(t, maybe, fault.Of(t.Context(), &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Err: err}}, nil))

	throttled := fmt.Errorf("wrapped: %w", &types.TooManyRequestsException{
		Reason: types.ThrottleReasonCallerRateLimitExceeded, RetryAfterSeconds: aws.String("3"),
	})
	assert.Equal(t, fault.Fault{
		Class: fault.Throttled, Certainty: fault.NotExecuted, Reason: types.ThrottleReasonCallerRateLimitExceeded,
		RetryAfter: 3 * time.Second, Code: "TooManyRequestsException",
	}, fault.Of(t.Context(), throttled, nil))
	assert.Equal(t, fault.Fault{
		Class: fault.Slow, Certainty: fault.NotExecuted, RetryAfter: fault.SlowFloor, Code: "ENINotReadyException",
	}, fault.Of(t.Context(), &types.ENINotReadyException{}, nil))
	assert.Equal(t, fault.Fault{
		Class: fault.Once, Certainty: fault.NotExecuted, Code: "ExpiredTokenException",
	}, fault.Of(t.Context(), &smithy.GenericAPIError{Code: "ExpiredTokenException"}, nil))
	assert.Equal(t, fault.Fault{
		Class: fault.Transient, Certainty: fault.MaybeExecuted, Code: "ServiceException",
	}, fault.Of(t.Context(), &types.ServiceException{}, nil))
}

// The last of several attempts says nothing about those before it.
func TestSeveralAttempts(t *testing.T) {
	t.Parallel()
	retryer := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 2
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
	withRetryer := func(o *lambda.Options) { o.Retryer = retryer }
	sequence := func(clients ...smithyhttp.ClientDoFunc) smithyhttp.ClientDoFunc {
		return func(r *http.Request) (*http.Response, error) {
			next := clients[0]
			clients = clients[1:]
			return next(r)
		}
	}

	got, err := invoke(t.Context(), t, newClient("https://lambda.test",
		sequence(answer(500, "ServiceException", `{}`), answer(429, "TooManyRequestsException", `{}`)), withRetryer))
	assert.Equal(t, fault.Throttled, got.Class, err)
	assert.Equal(t, fault.MaybeExecuted, got.Certainty)

	// Nor is it known without a trace: the SDK says how many there were.
	_, err = newClient("https://lambda.test",
		sequence(answer(500, "ServiceException", `{}`), answer(429, "TooManyRequestsException", `{}`)), withRetryer).
		Invoke(t.Context(), input())
	assert.Equal(t, fault.MaybeExecuted, fault.Of(t.Context(), err, nil).Certainty, err)

	// As long as none was written, several are as good as one.
	got, err = invoke(t.Context(), t, newClient("http://"+refusedAddress, &http.Client{Transport: &http.Transport{}}, withRetryer))
	assert.Equal(t, fault.Fault{Class: fault.Transient, Certainty: fault.NotExecuted}, got, err)
}

func TestCertaintyOr(t *testing.T) {
	t.Parallel()
	const m, n, e = fault.MaybeExecuted, fault.NotExecuted, fault.Executed
	for pair, want := range map[[2]fault.Certainty]fault.Certainty{
		{m, m}: m, {m, n}: m, {m, e}: e, {n, n}: n, {n, e}: e, {e, e}: e,
	} {
		assert.Equal(t, want, pair[0].Or(pair[1]), pair)
		assert.Equal(t, want, pair[1].Or(pair[0]), pair)
	}
}

func TestStrings(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "maybe executed, not executed, executed",
		fmt.Sprintf("%v, %v, %v", fault.MaybeExecuted, fault.NotExecuted, fault.Executed))
	assert.Equal(t, "permanent, throttled, transient, slow, once, too large, class 99",
		fmt.Sprintf("%v, %v, %v, %v, %v, %v, %v", fault.Permanent, fault.Throttled, fault.Transient, fault.Slow,
			fault.Once, fault.TooLarge, fault.Class(99)))
}
