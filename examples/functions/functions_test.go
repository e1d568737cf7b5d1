package functions_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

type order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type price struct {
	Cents int `json:"cents"`
}

// binaries are the Go programs of the tests, each built once.
var binaries struct {
	dir string
	sync.Mutex
	built map[string]error
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "functions")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is in the directory of temporary files
	binaries.dir, binaries.built = dir, make(map[string]error)
	return m.Run()
}

// build builds the program in a directory, as one builds it for Lambda.
func build(t *testing.T, dir string) string {
	t.Helper()
	binaries.Lock()
	defer binaries.Unlock()
	bootstrap := filepath.Join(binaries.dir, filepath.Base(dir), "bootstrap")
	err, built := binaries.built[dir]
	if !built {
		var out []byte
		if out, err = exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./"+dir).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		binaries.built[dir] = err
	}
	require.NoError(t, err)
	return bootstrap
}

// interpreter is the path of a program that a user may not have.
func interpreter(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "there is no %s here, so what needs it is not tested", name)
	}
	return path
}

// missing skips a test that needs what is not there, but not in CI.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("LAMBDABATCH_NO_SKIP") != "" {
		t.Fatalf("LAMBDABATCH_NO_SKIP is set, and "+format, args...)
	}
	t.Skipf(format, args...)
}

// ample is for environments that start while the machine is busy; nothing waits for it.
const ample = time.Minute

func goFunction(t *testing.T) lambdatest.Program {
	t.Helper()
	return lambdatest.Program{Command: []string{build(t, "go")}, InitTimeout: ample}
}

func pythonFunction(t *testing.T) lambdatest.Program {
	t.Helper()
	return lambdatest.Program{
		Command: []string{interpreter(t, "python3"), "-B", "bootstrap.py"}, Dir: "python", Handler: "function.handler", InitTimeout: ample,
	}
}

func nodeFunction(t *testing.T) lambdatest.Program {
	t.Helper()
	return lambdatest.Program{
		Command: []string{interpreter(t, "node"), "bootstrap.mjs"}, Dir: "node", Handler: "index.handler", InitTimeout: ample,
	}
}

// functions are the functions, by what they are written in.
var functions = map[string]func(*testing.T) lambdatest.Program{"Go": goFunction, "Python": pythonFunction, "Node": nodeFunction}

func once(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }

func serve(t *testing.T, p lambdatest.Program) *lambdatest.Service {
	t.Helper()
	s := lambdatest.New()
	t.Cleanup(s.Close)
	s.HandleProgram("price-orders", p, lambdatest.Timeout(ample))
	return s
}

func invoke(t *testing.T, s *lambdatest.Service, payload string) *lambda.InvokeOutput {
	t.Helper()
	out, err := s.Client(once).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("price-orders"), Payload: []byte(payload), LogType: types.LogTypeTail,
	})
	require.NoError(t, err)
	return out
}

// normal is JSON without spaces, the names in each object in order, and no character escaped that need not be.
func normal(t *testing.T, payload []byte) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(payload, &v), "%s", payload)
	out, err := json.Marshal(v)
	require.NoError(t, err)
	return string(out)
}

// The answers of the function in Go, written by hand. Those of the others must be the same.
var answers = []struct{ name, event, answer string }{
	{
		name: "all outcomes",
		event: `{"records":[
			{"id":"1","data":{"item":"tea","count":3}},
			{"id":"2","data":{"item":"milk","count":1}},
			{"id":"3","data":{"item":"scone","count":1}},
			{"id":"4","data":"tea"},
			{"id":"5","data":{"item":"cake","count":2,"note":"<&> é 😀"}}]}`,
		answer: `{"results":[
			{"id":"1","status":"success","data":{"cents":750}},
			{"id":"2","status":"failure","error":{"type":"UnknownItemError","message":"we do not sell milk"}},
			{"id":"3","status":"retry","retryAfterMs":200,"error":{"type":"NotReadyError","message":"the scones are in the oven"}},
			{"id":"4","status":"failure","error":{"type":"InvalidOrderError","message":"an order has an item, and a count of 1 or more"}},
			{"id":"5","status":"success","data":{"cents":820}}]}`,
	},
	{
		name: "no orders",
		event: `{"records":[
			{"id":"null","data":null},{"id":"{}","data":{}},{"id":"[]","data":["tea",1]},{"id":"1","data":1},{"id":"true","data":true},
			{"id":"none","data":{"item":"tea"}},{"id":"zero","data":{"item":"tea","count":0}},{"id":"less","data":{"item":"tea","count":-1}},
			{"id":"half","data":{"item":"tea","count":0.5}},{"id":"text","data":{"item":"tea","count":"1"}},
			{"id":"truth","data":{"item":"tea","count":true}},{"id":"number","data":{"item":1,"count":1}},{"id":"empty","data":{"item":"","count":1}}]}`,
		answer: `{"results":[` + invalid("null", "{}", "[]", "1", "true", "none", "zero", "less", "half", "text", "truth", "number", "empty") + `]}`,
	},
	{
		name:  "text of all kinds",
		event: `{"records":[{"id":"é\"\\\u0007😀","data":{"item":"<b>&é\u2028😀\"\\\u0000","count":1}}]}`,
		answer: `{"results":[{"id":"é\"\\\u0007😀","status":"failure",` +
			`"error":{"type":"UnknownItemError","message":"we do not sell <b>&é\u2028😀\"\\\u0000"}}]}`,
	},
	{name: "nothing", event: `{"records":[]}`, answer: `{"results":[]}`},
	{
		name: "SQS",
		event: `{"Records":[` + message("m1", `{\"item\":\"tea\",\"count\":3}`) + `,` + message("m2", `{\"item\":\"milk\",\"count\":3}`) + `,` +
			message("m3", `{\"item\":\"scone\",\"count\":3}`) + `,` + message("m4", `no JSON`) + `,` + message("m5", ``) + `,` +
			message("m6", `{\"item\":\"cake\",\"count\":1}`) + `]}`,
		answer: `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m3"},{"itemIdentifier":"m4"},{"itemIdentifier":"m5"}]}`,
	},
	{
		name: "SQS, all well", event: `{"Records":[` + message("m1", `{\"item\":\"tea\",\"count\":3}`) + `]}`,
		answer: `{"batchItemFailures":[]}`,
	},
}

func invalid(ids ...string) string {
	for i, id := range ids {
		ids[i] = fmt.Sprintf(`{"id":%q,"status":"failure","error":{"type":"InvalidOrderError","message":"an order has an item, and a count of 1 or more"}}`, id)
	}
	return strings.Join(ids, ",")
}

func message(id, body string) string {
	return fmt.Sprintf(`{"messageId":%q,"receiptHandle":"h","body":"%s","attributes":{"ApproximateReceiveCount":"1"},"messageAttributes":{},`+
		`"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:orders","awsRegion":"us-east-1"}`, id, body)
}

func TestFunctionsAnswerTheSame(t *testing.T) {
	t.Parallel()
	for name, f := range functions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, f(t))
			for _, tt := range answers {
				out := invoke(t, s, tt.event)
				assert.Nil(t, out.FunctionError, "%s: %s", tt.name, out.Payload)
				assert.Equal(t, normal(t, []byte(tt.answer)), normal(t, out.Payload), tt.name)
			}
			out := invoke(t, s, `{"something":"else"}`)
			if name != "Go" { // handler takes it for a single order
				assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
				assert.Contains(t, string(out.Payload), "the event has neither records nor those of SQS")
			}
			assert.Contains(t, logOf(t, out), "END RequestId: ")
			// One environment has done it all.
			assert.Equal(t, 1, s.MaxInFlight())
		})
	}
}

func logOf(t *testing.T, out *lambda.InvokeOutput) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	require.NoError(t, err)
	return string(text)
}

// Handler names that lead nowhere are reported by the runtime, as AWS's own reports them.
func TestFunctionsThatDoNotLoad(t *testing.T) {
	t.Parallel()
	tests := []struct{ language, handler, errorType string }{
		{"Python", "nothing.handler", "Runtime.ImportModuleError"},
		{"Python", "function.nothing", "Runtime.HandlerNotFound"},
		{"Node", "nothing.handler", "Runtime.ImportModuleError"},
		{"Node", "index.nothing", "Runtime.HandlerNotFound"},
	}
	for _, tt := range tests {
		t.Run(tt.language+"/"+tt.handler, func(t *testing.T) {
			t.Parallel()
			p := functions[tt.language](t)
			p.Handler = tt.handler
			out := invoke(t, serve(t, p), `{"records":[]}`)
			assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
			var said struct{ ErrorType, ErrorMessage string }
			require.NoError(t, json.Unmarshal(out.Payload, &said))
			assert.Equal(t, tt.errorType, said.ErrorType, "%s", said.ErrorMessage)
			assert.NotEmpty(t, said.ErrorMessage)
			assert.Equal(t, 2, strings.Count(logOf(t, out), "Error Type: "+tt.errorType), "Lambda tries twice")
		})
	}
}

// A Batcher sends records to the real program, in several environments at once, and each record has its own outcome.
func TestBatcherWithGoFunction(t *testing.T) {
	t.Parallel()
	const (
		records      = 5000
		environments = 4
	)
	// The program starts when as many environments are starting as are wanted: so there are, whatever else the machine does.
	gate := t.TempDir()
	p := goFunction(t)
	p.Command = []string{
		"sh", "-c", `: >"$GATE/$$"; until [ "$(ls "$GATE" | wc -l)" -ge "$ENVIRONMENTS" ]; do sleep 0.01; done; exec "$@"`, "sh", p.Command[0],
	}
	p.Env = []string{"GATE=" + gate, fmt.Sprintf("ENVIRONMENTS=%d", environments)}
	s := serve(t, p)

	limiter, err := lambdabatch.NewLimiter(lambdabatch.InFlight(8), lambdabatch.Rate(1000, 1000), lambdabatch.Fixed())
	require.NoError(t, err)
	b, err := lambdabatch.New[order, price](s.Client(), "price-orders", lambdabatch.WithLimiter(limiter))
	require.NoError(t, err)
	defer b.Close()

	items := []string{"tea", "coffee", "cake", "milk"}
	cents := []int{250, 320, 410}
	futures := make([]*lambdabatch.Future[price], records)
	for i := range futures {
		futures[i] = b.Submit(t.Context(), order{Item: items[i%4], Count: i/4 + 1})
	}
	for i, f := range futures {
		got, err := f.Await(t.Context())
		if i%4 == 3 {
			var failed *lambdabatch.RecordError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "UnknownItemError", failed.Type)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, cents[i%4]*(i/4+1), got.Cents)
	}
	started, err := os.ReadDir(gate)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(started), environments)
	assert.LessOrEqual(t, len(started), 8)
	assert.GreaterOrEqual(t, s.MaxInFlight(), environments)
	assert.LessOrEqual(t, s.Counts().Requests, records/20+20)
	assert.Zero(t, s.Counts().Throttled)
}

// The outcomes of a Batcher are the same whatever the function is written in; what is to be retried is.
func TestBatcherWithEachFunction(t *testing.T) {
	t.Parallel()
	for name, f := range functions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, f(t))
			b, err := lambdabatch.New[json.RawMessage, price](s.Client(), "price-orders", lambdabatch.WithMaxAttempts(2))
			require.NoError(t, err)
			defer b.Close()
			tea := b.Submit(t.Context(), json.RawMessage(`{"item":"tea","count":2}`))
			milk := b.Submit(t.Context(), json.RawMessage(`{"item":"milk","count":2}`))
			scone := b.Submit(t.Context(), json.RawMessage(`{"item":"scone","count":2}`))
			text := b.Submit(t.Context(), json.RawMessage(`"tea"`))

			got, err := tea.Await(t.Context())
			require.NoError(t, err)
			assert.Equal(t, price{500}, got)
			for f, want := range map[*lambdabatch.Future[price]]string{
				milk: "UnknownItemError", scone: "NotReadyError", text: "InvalidOrderError",
			} {
				_, err = f.Await(t.Context())
				var failed *lambdabatch.RecordError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, want, failed.Type)
			}
			assert.Len(t, scone.Attempts(), 2)
			assert.Len(t, milk.Attempts(), 1)
		})
	}
}

// What aws-lambda-go does in bad days, and what it sees of its invocation.
func TestOddGoFunction(t *testing.T) {
	t.Parallel()
	p := lambdatest.Program{Command: []string{build(t, "testdata/odd")}, InitTimeout: ample}
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("odd", p, lambdatest.Timeout(3*time.Second), lambdatest.TenantIsolation())
	ask := func(what string) (*lambda.InvokeOutput, map[string]any) {
		out, err := s.Client(once).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("odd"), Qualifier: aws.String("live"), TenantId: aws.String("blue"), LogType: types.LogTypeTail,
			Payload:       fmt.Appendf(nil, "%q", what),
			ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom":{"a":"b"}}`))),
		})
		require.NoError(t, err)
		var said map[string]any
		_ = json.Unmarshal(out.Payload, &said) // null has none
		return out, said
	}

	out, seen := ask("see")
	require.Nil(t, out.FunctionError, "%s", out.Payload)
	assert.Equal(t, s.Invocations()[0].RequestID, seen["RequestID"])
	left, _ := seen["Left"].(float64)
	assert.Positive(t, left)
	assert.LessOrEqual(t, time.Duration(left), 3*time.Second)
	delete(seen, "RequestID")
	delete(seen, "Left")
	assert.Equal(t, map[string]any{
		"ARN": "arn:aws:lambda:us-east-1:123456789012:function:odd:live", "Tenant": "blue", "Custom": "b", "Function": "odd",
		"Group": "/aws/lambda/odd", "Version": "$LATEST", "Memory": 128.0,
	}, seen)

	out, _ = ask("nothing")
	assert.Equal(t, "null", string(out.Payload))

	_, said := ask("error")
	assert.Equal(t, map[string]any{"errorType": "errorString", "errorMessage": "an error"}, said)

	out, said = ask("panic")
	assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	assert.Equal(t, "string", said["errorType"])
	assert.Equal(t, "a panic", said["errorMessage"])
	assert.NotEmpty(t, said["stackTrace"])
	assert.Contains(t, logOf(t, out), "Runtime exited with error: exit status 1\nRuntime.ExitError\n", "it ends itself after a panic")

	_, said = ask("exit")
	assert.Equal(t, "Runtime.ExitError", said["errorType"])
	assert.Contains(t, said["errorMessage"], "exit status 4")

	_, said = ask("hang")
	assert.Equal(t, "Sandbox.Timedout", said["errorType"])

	out, said = ask("large")
	assert.Equal(t, "Function.ResponseSizeTooLarge", said["errorType"])
	assert.Contains(t, logOf(t, out), "unexpected status code: 413")
	assert.Contains(t, logOf(t, out), "Runtime.ExitError", "it ends itself when its response is refused")

	out, _ = ask("nothing")
	assert.Nil(t, out.FunctionError, "%s", out.Payload)
}
