package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Values of X-Amz-Function-Error.
const (
	unhandled = "Unhandled"
	handled   = "Handled"
)

// A result is what a function, or a fault in its place, answered.
type result struct {
	payload       []byte
	functionError string // Handled, Unhandled or empty
	gone          bool   // the service was closed before there was an answer
}

// failure is the payload of a failed function, as aws-lambda-go writes it.
type failure struct {
	Message string  `json:"errorMessage"`
	Type    string  `json:"errorType,omitempty"`
	Trace   []frame `json:"stackTrace,omitempty"`
}

type frame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"`
}

func failed(kind, errorType, message string, trace ...frame) result {
	payload, err := json.Marshal(failure{Message: message, Type: errorType, Trace: trace})
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return result{payload: payload, functionError: kind}
}

func timedOut(req *Request, timeout time.Duration, log *tail) result {
	what := fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
	log.printf("%s %s %s", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), req.RequestID, what)
	return failed(unhandled, "Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: %s", req.RequestID, what))
}

func exited(req *Request, errorType, how string) result {
	return failed(unhandled, errorType, fmt.Sprintf("RequestId: %s Error: Runtime exited %s", req.RequestID, how))
}

func responseTooLarge(most int) result {
	return failed(unhandled, "Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", most))
}

// run calls the function and waits for its answer, for its timeout, or for the end of the service.
func (s *Service) run(set settings, req *Request, log *tail) result {
	if set.pool != nil {
		return s.runProgram(set, req, log)
	}
	deadline := time.Now().Add(set.timeout)
	ctx, cancel := context.WithDeadline(s.ctx, deadline)
	defer cancel()
	env := &environment{request: *req, log: log}
	if req.Type == types.InvocationTypeEvent {
		env.request.ClientContext = ""
	}
	ctx = context.WithValue(ctx, environmentKey{}, env)
	payload := bytes.Clone(req.Payload)
	if len(payload) == 0 {
		payload = []byte("{}")
	}

	out := make(chan result, 1)
	s.mu.Lock()
	s.spawnLocked(func() { perform(ctx, set.run, req, payload, out) })
	s.mu.Unlock()

	var res result
	select {
	case res = <-out:
	case <-ctx.Done():
	}
	switch {
	case !time.Now().Before(deadline):
		return timedOut(req, set.timeout, log)
	case s.ctx.Err() != nil:
		return result{gone: true}
	case res.functionError == "" && len(res.payload) > s.sizes.response:
		return responseTooLarge(s.sizes.response)
	}
	return res
}

// perform calls f and sends what came of it: an answer, an error, a panic, or the end of its goroutine.
func perform(ctx context.Context, f Function, req *Request, payload []byte, out chan<- result) {
	res := exited(req, "Runtime.ExitError", "without providing a reason") // runtime.Goexit, as of testing.T.FailNow
	defer func() {
		if v := recover(); v != nil {
			res = failed(unhandled, errorType(v), fmt.Sprint(v), trace()...)
		}
		out <- res
	}()
	answer, err := f(ctx, payload)
	switch {
	case err != nil:
		res = failed(unhandled, errorType(err), err.Error())
	case len(answer) == 0:
		res = result{payload: []byte("null")}
	default:
		res = result{payload: bytes.Clone(answer)}
	}
}

// errorType names the type of an error or of a panic's value as aws-lambda-go does: errorString for errors.New.
func errorType(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// trace is the stack of the panic that is being recovered.
func trace() []frame {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var out []frame
	for {
		f, more := frames.Next()
		if more && len(out) == 0 && strings.HasPrefix(f.Function, "runtime.") { // how Go panics
			continue
		}
		pkg, label := f.Function, f.Function
		if i := strings.LastIndexByte(label, '/'); i >= 0 {
			label = label[i+1:]
		}
		if i := strings.IndexByte(label, '.'); i >= 0 {
			pkg, label = strings.TrimSuffix(pkg, label[i:]), label[i+1:]
		}
		path := f.File
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			path = pkg + path[i:]
		}
		out = append(out, frame{Path: path, Line: f.Line, Label: label})
		if !more {
			return out
		}
	}
}
