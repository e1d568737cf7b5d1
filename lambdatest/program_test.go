//go:build unix

package lambdatest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// program is this test binary, which runs runProgram as the process of a function.
func program(t *testing.T, env ...string) lambdatest.Program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	env = append([]string{"GORACE=atexit_sleep_ms=0"}, env...) // the race detector lets a process linger
	return lambdatest.Program{Command: []string{self}, Env: env}
}

// ample is a timeout that no process of a test reaches unless it is meant to.
const ample = time.Minute

// short is one that is reached, and still long enough for a process to start, or to print a line, on a busy machine.
const short = 2 * time.Second

func do(t *testing.T, what task) *lambda.InvokeInput {
	t.Helper()
	payload, err := json.Marshal(what)
	require.NoError(t, err)
	return &lambda.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeTail, Payload: payload}
}

func logOf(t *testing.T, out *lambda.InvokeOutput) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	require.NoError(t, err)
	return string(text)
}

// gone waits until a process that the service has ended is no longer there, not even as a zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	err := syscall.Kill(pid, 0)
	for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); err = syscall.Kill(pid, 0) {
		time.Sleep(time.Millisecond)
	}
	assert.ErrorIs(t, err, syscall.ESRCH, "process %d", pid)
}

func TestProgramAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		task      task
		timeout   time.Duration // 0: ample
		payload   string
		failure   bool
		errorType string
		message   string   // has REQUEST for the request ID
		log       []string // in this order
		next      string   // what becomes of the process: "" it goes on, "new" it is replaced
	}{
		{name: "answer", task: task{Do: "answer", Text: `{"a": 1}`}, payload: `{"a": 1}`},
		{name: "answer that is no JSON", task: task{Do: "answer", Text: "SUCCESS {"}, payload: "SUCCESS {"},
		{name: "empty answer", task: task{Do: "answer"}, payload: ""},
		{
			name: "handler error", failure: true, payload: `{"errorMessage": "boom", "errorType":"Bad", "stackTrace":["a","b"], "more":1}`,
			task: task{Do: "fail", Text: `{"errorMessage": "boom", "errorType":"Bad", "stackTrace":["a","b"], "more":1}`},
		},
		{name: "handler error that is no JSON", task: task{Do: "fail", Text: "oh no"}, failure: true, payload: "oh no"},
		{name: "response torn", task: task{Do: "stream"}, failure: true, payload: `{"errorMessage":"torn"}`},
		{
			name: "exit", task: task{Do: "exit", N: 1}, next: "new", failure: true, errorType: "Runtime.ExitError",
			message: "RequestId: REQUEST Error: Runtime exited with error: exit status 1",
			log: []string{
				"on my way out\nRequestId: REQUEST Error: Runtime exited with error: exit status 1\nRuntime.ExitError\nEND RequestId: REQUEST\n",
			},
		},
		{
			name: "exit without an error", task: task{Do: "exit"}, next: "new", failure: true, errorType: "Runtime.ExitError",
			message: "RequestId: REQUEST Error: Runtime exited without providing a reason",
		},
		{
			name: "killed", task: task{Do: "kill"}, next: "new", failure: true, errorType: "Runtime.OutOfMemory",
			message: "RequestId: REQUEST Error: Runtime exited with error: signal: killed",
		},
		{
			name: "timeout", task: task{Do: "hang"}, timeout: short, next: "new", failure: true,
			errorType: "Sandbox.Timedout", message: "RequestId: REQUEST Error: Task timed out after 2.00 seconds",
			log: []string{"hanging\n", " REQUEST Task timed out after 2.00 seconds\nEND RequestId: REQUEST\n"},
		},
		{name: "largest response", task: task{Do: "large", N: 6_291_556}, payload: `"` + strings.Repeat("x", 6_291_554) + `"`},
		{
			name: "too large a response", task: task{Do: "large", N: 6_291_557}, failure: true, errorType: "Function.ResponseSizeTooLarge",
			message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			log:     []string{"the response was refused with 413\n"},
		},
		{
			name: "too large an error", task: task{Do: "large error", N: 6_291_557}, failure: true, errorType: "Function.ResponseSizeTooLarge",
			message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
		},
		{
			name: "answer and exit", task: task{Do: "answer and exit", N: 2}, next: "new", payload: `"before"`,
			log: []string{"RequestId: REQUEST Error: Runtime exited with error: exit status 2\nRuntime.ExitError\n"},
		},
		{
			name: "answer and hang", task: task{Do: "answer and hang"}, timeout: short, next: "new", payload: `"before"`,
			log: []string{"Task timed out after 2.00 seconds\n"},
		},
		{
			name: "log", task: task{Do: "print", Text: "in the middle of"}, payload: `"printed"`,
			log: []string{
				"START RequestId: REQUEST Version: $LATEST\nstarting\n",
				"in the middle ofin the middle of\nEND RequestId: REQUEST\nREPORT RequestId: REQUEST\tDuration: ",
				"\tInit Duration: ", " ms\t\n",
			},
		},
		{
			name: "calls out of turn", task: task{Do: "break the rules"},
			payload: `"403 {\"errorMessage\":\"State transition to RuntimeReady failed for runtime. Error: State transition is not allowed\",\"errorType\":\"InvalidStateTransition\"}\n` +
				`400 {\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n` +
				`400 {\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n` +
				`403 {\"errorMessage\":\"State transition to RuntimeInitError failed for runtime. Error: State transition is not allowed\",\"errorType\":\"InvalidStateTransition\"}\n` +
				`404 404 page not found\n405 Method Not Allowed\n"`,
			log: []string{"a second answer: 403 "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lambdatest.New()
			defer s.Close()
			timeout := tt.timeout
			if timeout == 0 {
				timeout = ample
			}
			s.HandleProgram("f", program(t), lambdatest.Timeout(timeout))
			client := s.Client(once)

			first := seen(t, client)
			if len(tt.log) > 0 && strings.HasPrefix(tt.log[0], "START") { // the first invocation of an environment
				s.HandleProgram("f", program(t), lambdatest.Timeout(timeout))
			}
			out, err := client.Invoke(t.Context(), do(t, tt.task))
			require.NoError(t, err)
			id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
			assert.Equal(t, int32(http.StatusOK), out.StatusCode)
			switch {
			case !tt.failure:
				assert.Nil(t, out.FunctionError)
			default:
				assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
			}
			if tt.errorType == "" {
				assert.Equal(t, tt.payload, string(out.Payload))
			} else {
				got := object(t, out.Payload)
				assert.Equal(t, tt.errorType, got["errorType"])
				assert.Equal(t, strings.ReplaceAll(tt.message, "REQUEST", id), got["errorMessage"])
			}
			text := logOf(t, out)
			assert.True(t, strings.HasPrefix(text, "START RequestId: "+id))
			for rest, want := text, tt.log; len(want) > 0; want = want[1:] {
				_, after, found := strings.Cut(rest, strings.ReplaceAll(want[0], "REQUEST", id))
				assert.True(t, found, "%q in %q", want[0], text)
				rest = after
			}
			if tt.next == "new" {
				gone(t, first)
				assert.NotEqual(t, first, seen(t, client))
			} else if len(tt.log) == 0 {
				assert.Equal(t, first, seen(t, client))
			}
		})
	}
}

// seen has the function tell its process.
func seen(t *testing.T, client *lambda.Client) int {
	t.Helper()
	return sightOf(t, client, do(t, task{Do: "see"})).PID
}

func sightOf(t *testing.T, client *lambda.Client, in *lambda.InvokeInput) sight {
	t.Helper()
	out, err := client.Invoke(t.Context(), in)
	require.NoError(t, err)
	require.Nil(t, out.FunctionError, "%s", out.Payload)
	var s sight
	require.NoError(t, json.Unmarshal(out.Payload, &s))
	return s
}

func TestProgramInit(t *testing.T) {
	t.Parallel()
	const (
		exit = "RequestId: REQUEST Error: Runtime exited with error: exit status 7"
		none = "RequestId: REQUEST Error: Runtime exited without providing a reason"
	)
	tests := []struct {
		name      string
		init      string // of each process, as runProgram has it
		timeout   time.Duration
		initial   time.Duration // InitTimeout
		payload   string        // of a failure that the program has reported
		errorType string
		message   string
		starts    int // 0: as many as there was time for
		log       []string
	}{
		{name: "well", starts: 1, log: []string{"starting\n", "Init Duration: "}},
		{
			name: "error", init: "error", starts: 2, errorType: "Runtime.ImportModuleError", message: "no module",
			payload: `{"errorType":"Runtime.ImportModuleError","errorMessage":"no module","stackTrace":[]}`,
			log: []string{
				"starting\nI could not start\nINIT_REPORT Init Duration: ", "Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n",
				"starting\nI could not start\nINIT_REPORT Init Duration: ", "Phase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError\n",
			},
		},
		{
			name: "error of another kind", init: "error and stay", starts: 2, message: "I stay",
			payload: `{"errorMessage":"I stay"}`, log: []string{"Phase: invoke\tStatus: error\tError Type: Runtime.Unknown\n"},
		},
		{
			name: "exit", init: "exit", starts: 2, errorType: "Runtime.ExitError", message: exit,
			log: []string{"I exit\nINIT_REPORT", "I exit\nINIT_REPORT", "Error Type: Runtime.ExitError\n" + exit + "\nRuntime.ExitError\nEND"},
		},
		{name: "exit without an error", init: "leave", starts: 2, errorType: "Runtime.ExitError", message: none},
		{name: "exit once", init: "exit,", starts: 2, log: []string{"Phase: init\tStatus: error"}},
		{name: "error once", init: "error,", starts: 2, log: []string{"Phase: init\tStatus: error"}},
		{
			name: "too long", init: "hang", timeout: time.Second, initial: time.Second,
			errorType: "Sandbox.Timedout", message: "RequestId: REQUEST Error: Task timed out after 1.00 seconds",
			log: []string{"Phase: init\tStatus: timeout\n", "Phase: invoke\tStatus: timeout\n", "REQUEST Task timed out after 1.00 seconds\n"},
		},
		{name: "too long once", init: "hang,", initial: short, starts: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lambdatest.New()
			defer s.Close()
			timeout := tt.timeout
			if timeout == 0 {
				timeout = ample
			}
			dir := t.TempDir()
			p := program(t, "INIT="+tt.init, "STARTS="+dir)
			p.InitTimeout = tt.initial
			if p.InitTimeout == 0 {
				p.InitTimeout = ample
			}
			s.HandleProgram("f", p, lambdatest.Timeout(timeout))
			client := s.Client(once)

			out, err := client.Invoke(t.Context(), do(t, task{Do: "answer", Text: "{}"}))
			require.NoError(t, err)
			id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
			text := logOf(t, out)
			for rest, want := text, tt.log; len(want) > 0; want = want[1:] {
				_, after, found := strings.Cut(rest, strings.ReplaceAll(want[0], "REQUEST", id))
				assert.True(t, found, "%q in %q", want[0], text)
				rest = after
			}
			if tt.starts > 0 {
				assert.Equal(t, tt.starts, count(dir))
			}
			if tt.message == "" {
				assert.Nil(t, out.FunctionError)
				assert.Equal(t, "{}", string(out.Payload))
				return
			}
			assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
			if tt.payload != "" {
				assert.Equal(t, tt.payload, string(out.Payload))
				return
			}
			got := object(t, out.Payload)
			assert.Equal(t, tt.errorType, got["errorType"])
			assert.Equal(t, strings.ReplaceAll(tt.message, "REQUEST", id), got["errorMessage"])
			if tt.starts == 0 {
				return
			}
			_, err = client.Invoke(t.Context(), do(t, task{Do: "answer", Text: "{}"}))
			require.NoError(t, err)
			assert.Equal(t, tt.starts+1, count(dir), "the environment was reset: there is one init, in the function's time")
		})
	}
}

func TestProgramThatIsNone(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", lambdatest.Program{Command: []string{filepath.Join(t.TempDir(), "nothing")}})
	out, err := s.Client(once).Invoke(t.Context(), do(t, task{}))
	require.NoError(t, err)
	got := object(t, out.Payload)
	assert.Equal(t, "Runtime.InvalidEntrypoint", got["errorType"])
	assert.Contains(t, got["errorMessage"], "no such file")
}

func TestProgramExitsBetweenInvocations(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(ample))
	client := s.Client(once)

	dir := t.TempDir()
	out, err := client.Invoke(t.Context(), do(t, task{Do: "answer and exit later", Dir: dir}))
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(out.Payload))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "now"), nil, 0o600))
	gone(t, pid)

	out, err = client.Invoke(t.Context(), do(t, task{Do: "see"}))
	require.NoError(t, err)
	assert.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	assert.Equal(t, "Runtime.ExitError", object(t, out.Payload)["errorType"])
	assert.Contains(t, string(out.Payload), "exit status 3")
	assert.NotEqual(t, pid, seen(t, client))
}

func TestProgramSeesItsInvocation(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	s := lambdatest.New()
	defer s.Close()
	p := program(t, "TZ=Asia/Tokyo", "MINE=1", "AWS_LAMBDA_RUNTIME_API=elsewhere")
	p.Dir, p.Handler = t.TempDir(), "index.handler"
	s.HandleProgram("f", p, lambdatest.Timeout(ample), lambdatest.TenantIsolation())
	client := s.Client(once)

	in := do(t, task{Do: "see"})
	in.TenantId, in.Qualifier = aws.String("blue"), aws.String("live")
	in.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte("{\n \"custom\": {\"a\": \"é\"}}")))
	before := time.Now()
	out, err := client.Invoke(t.Context(), in, func(o *lambda.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", "Root=1-0-1;Sampled=1"))
	})
	after := time.Now()
	require.NoError(t, err)
	id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	var saw sight
	require.NoError(t, json.Unmarshal(out.Payload, &saw))

	h := saw.Headers
	assert.Equal(t, id, h["Lambda-Runtime-Aws-Request-Id"])
	assert.Equal(t, "arn:aws:lambda:us-east-1:123456789012:function:f:live", h["Lambda-Runtime-Invoked-Function-Arn"])
	assert.Equal(t, "Root=1-0-1;Sampled=1", h["Lambda-Runtime-Trace-Id"])
	assert.Equal(t, `{"custom":{"a":"é"}}`, h["Lambda-Runtime-Client-Context"])
	assert.Equal(t, "blue", h["Lambda-Runtime-Aws-Tenant-Id"])
	assert.Equal(t, "application/json", h["Content-Type"])
	deadline, err := strconv.ParseInt(h["Lambda-Runtime-Deadline-Ms"], 10, 64)
	require.NoError(t, err)
	assert.WithinRange(t, time.UnixMilli(deadline), before.Add(ample).Truncate(time.Millisecond), after.Add(ample))

	env := saw.Env
	for name, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
		"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "LAMBDA_TASK_ROOT": p.Dir, "_HANDLER": "index.handler",
		"AWS_ACCESS_KEY_ID": "lambdatest", "TZ": "Asia/Tokyo", "MINE": "1", "PATH": os.Getenv("PATH"),
	} {
		assert.Equal(t, want, env[name], name)
	}
	assert.Regexp(t, `^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`, env["AWS_LAMBDA_LOG_STREAM_NAME"])
	assert.Regexp(t, `^127\.0\.0\.1:\d+$`, env["AWS_LAMBDA_RUNTIME_API"])
	assert.NotContains(t, env, "AWS_PROFILE", "the test's own")
	dir, err := filepath.EvalSymlinks(p.Dir)
	require.NoError(t, err)
	assert.Equal(t, dir, saw.Dir)
}

func TestProgramAsEvent(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(ample))
	client := s.Client(once)
	in := do(t, task{Do: "see"})
	in.LogType, in.InvocationType = "", types.InvocationTypeEvent
	in.ClientContext = aws.String(base64.StdEncoding.EncodeToString([]byte(`{}`)))
	_, err := client.Invoke(t.Context(), in)
	require.NoError(t, err)
	in.Payload = nil
	_, err = client.Invoke(t.Context(), in)
	require.NoError(t, err)
	s.Wait() // idle processes are not waited for

	inv := s.Invocations()
	require.Len(t, inv, 2)
	var saw sight
	require.NoError(t, json.Unmarshal(inv[0].Response, &saw))
	assert.NotContains(t, saw.Headers, "Lambda-Runtime-Client-Context")
	assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`, saw.Headers["Lambda-Runtime-Trace-Id"])
	assert.Equal(t, `{"echo":{}}`, string(inv[1].Response))
	assert.True(t, inv[1].Executed)
}

func TestProgramOutput(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	var out strings.Builder
	p := program(t)
	p.Output = &out
	s.HandleProgram("f", p, lambdatest.Timeout(ample))
	client := s.Client(once)
	want := "starting\n"
	for i := range 50 {
		// More than a pipe takes at once, and what begins as the service's own marks do.
		text := strings.Repeat("line "+strconv.Itoa(i)+"\n", 500) + "\x00lambdatest\x00lamb" + "line " + strconv.Itoa(i) + "\n\x00"
		answer, err := client.Invoke(t.Context(), do(t, task{Do: "print", Text: text}))
		require.NoError(t, err)
		want += text + text
		log := logOf(t, answer)
		assert.LessOrEqual(t, len(log), 4<<10)
		assert.Contains(t, log, "line "+strconv.Itoa(i)+"\n\x00\nEND RequestId")
		assert.NotContains(t, log, "lambdatest:", "the marks stay inside")
	}
	s.Close()
	assert.Equal(t, want, out.String())
}

func TestProgramWithFaults(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	starts := t.TempDir()
	s.HandleProgram("f", program(t, "STARTS="+starts), lambdatest.Timeout(ample))
	client := s.Client(once)
	s.Fault(lambdatest.Exited(), lambdatest.Count(1))
	out, err := client.Invoke(t.Context(), do(t, task{Do: "see"}))
	require.NoError(t, err)
	assert.NotNil(t, out.FunctionError)
	assert.Equal(t, 0, count(starts))

	s.Fault(lambdatest.ResetAfter(), lambdatest.Count(1))
	_, err = client.Invoke(t.Context(), do(t, task{Do: "see"}))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Equal(t, 1, count(starts))
}

func TestProgramRunsOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(ample))
	client := s.Client(once)
	pid := seen(t, client)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	in := do(t, task{Do: "meet", Dir: dir, N: 2})
	go func() {
		_, err := client.Invoke(ctx, in)
		left <- err
	}()
	for count(dir) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	require.Error(t, <-left)
	arrive(dir)
	s.Wait()
	assert.Equal(t, pid, seen(t, client))
	assert.Equal(t, strconv.Itoa(pid), string(s.Invocations()[1].Response))
}

func TestProgramMistakes(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	good := lambdatest.Program{Command: []string{"true"}}
	assert.PanicsWithValue(t, `lambdatest: HandleProgram("f"): no Command`, func() { s.HandleProgram("f", lambdatest.Program{}) })
	assert.PanicsWithValue(t, `lambdatest: HandleProgram("f"): InitTimeout -1s: must not be negative`, func() {
		s.HandleProgram("f", lambdatest.Program{Command: good.Command, InitTimeout: -time.Second})
	})
	assert.PanicsWithValue(t, `lambdatest: HandleProgram("f/g"): not a function name`, func() { s.HandleProgram("f/g", good) })
	assert.PanicsWithValue(t, `lambdatest: HandleProgram("f"): Reserved(2000) makes 2000 reserved of an account concurrency of 1000`, func() {
		s.HandleProgram("f", good, lambdatest.Reserved(2000))
	})
	_, err := s.Client(once).Invoke(t.Context(), input("{}"))
	var unknown *types.ResourceNotFoundException
	assert.ErrorAs(t, err, &unknown)
}
