package lambdatest

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A runtimeAPI is the Lambda Runtime API, 2018-06-01, for one process (Lambda Developer Guide, "Using the Lambda runtime API for
// custom runtimes"). The guide names statuses only; the words that go with them are for people.
type runtimeAPI struct {
	address    string // host and port
	most       int    // bytes of a response
	server     *http.Server
	jobs       chan *job
	ready      chan struct{} // one for each time the process begins to wait for an invocation
	initFailed chan *initError

	serving sync.WaitGroup
	mu      sync.Mutex // protects following
	closed  bool
	state   runtimeState
	job     *job // the one that runs
}

// A runtimeState is what the process does, as far as the API can tell.
type runtimeState int

const (
	stateStarting runtimeState = iota
	stateReady                 // waits for an invocation
	stateRunning
	stateAnswered
	stateFailed // its init phase
)

// newRuntimeAPI serves the API until close.
func newRuntimeAPI(most int) (*runtimeAPI, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{
		address: l.Addr().String(), most: most,
		jobs: make(chan *job), ready: make(chan struct{}, 1), initFailed: make(chan *initError, 1),
	}
	mux := http.NewServeMux()
	const runtime = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+runtime+"/invocation/next", a.invocationNext)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/response", a.invocationResponse)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/error", a.invocationError)
	mux.HandleFunc("POST "+runtime+"/init/error", a.initializationError)
	a.server = &http.Server{Handler: a.counted(mux), ReadHeaderTimeout: time.Minute}
	a.serving.Go(func() { _ = a.server.Serve(l) }) // until close
	return a, nil
}

// close ends the API and waits until nothing of it is served any more.
func (a *runtimeAPI) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	_ = a.server.Close()
	a.serving.Wait()
}

func (a *runtimeAPI) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		if a.closed {
			a.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		a.serving.Add(1)
		a.mu.Unlock()
		defer a.serving.Done()
		h.ServeHTTP(w, r)
	})
}

// invocationNext answers with the next invocation, as soon as there is one.
func (a *runtimeAPI) invocationNext(w http.ResponseWriter, r *http.Request) {
	if !a.wait() {
		wrongState(w, "Ready")
		return
	}
	var j *job
	select {
	case j = <-a.jobs:
	case <-r.Context().Done():
		return
	}
	a.mu.Lock()
	a.state, a.job = stateRunning, j
	a.mu.Unlock()

	j.describe(w.Header())
	payload := j.payload()
	w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
	_, _ = w.Write(payload) // a process that does not take it runs into its timeout, or has exited
}

// wait reports whether the process may wait for an invocation now.
func (a *runtimeAPI) wait() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.state {
	case stateStarting, stateAnswered:
		a.state, a.job = stateReady, nil
		a.ready <- struct{}{} // whoever gave the last job, or started the process, has taken what was there
		return true
	case stateReady: // its connection broke, and it asks again
		return true
	default:
		return false
	}
}

// invocationResponse takes the answer of an invocation. One with an error in its trailers, by which a runtime says that it could not
// finish it, is an error.
func (a *runtimeAPI) invocationResponse(w http.ResponseWriter, r *http.Request) {
	body, ok := a.read(w, r)
	if !ok {
		return
	}
	res := result{payload: body}
	if r.Trailer.Get(headerFunctionErrorType) != "" {
		said, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil || len(said) == 0 {
			said = failed(unhandled, r.Trailer.Get(headerFunctionErrorType), "").payload
		}
		res = result{payload: said, functionError: unhandled}
	}
	a.answer(w, r.PathValue("id"), res, "InvocationResponse")
}

// invocationError takes the error of an invocation. It goes to the caller as it is.
func (a *runtimeAPI) invocationError(w http.ResponseWriter, r *http.Request) {
	if body, ok := a.read(w, r); ok {
		a.answer(w, r.PathValue("id"), result{payload: body, functionError: unhandled}, "InvocationErrorResponse")
	}
}

// initializationError takes the error of the init phase.
func (a *runtimeAPI) initializationError(w http.ResponseWriter, r *http.Request) {
	body, ok := a.read(w, r)
	if !ok {
		return
	}
	a.mu.Lock()
	starting := a.state == stateStarting
	if starting {
		a.state = stateFailed
	}
	a.mu.Unlock()
	if !starting {
		wrongState(w, "InitError")
		return
	}
	a.initFailed <- &initError{ // before the process can exit
		kind:   functionErrorType(r.Header.Get(headerFunctionErrorType)),
		result: result{payload: body, functionError: unhandled},
	}
	accepted(w)
}

// read reads a body, up to a byte more than a response may have.
func (a *runtimeAPI) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(a.most)+1))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body) // so that it hears the answer
	}
	if err != nil {
		refuseRuntime(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return nil, false
	}
	return body, true
}

// answer ends the invocation of that ID, unless it is not the one that runs.
func (a *runtimeAPI) answer(w http.ResponseWriter, id string, res result, next string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	tooLarge := len(res.payload) > a.most
	switch {
	case a.job == nil || a.job.request.RequestID != id:
		refuseRuntime(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	case a.state != stateRunning:
		wrongState(w, next)
		return
	case tooLarge:
		res = responseTooLarge(a.most)
	}
	a.job.result, a.job.answered = res, true
	a.state = stateAnswered
	if tooLarge {
		refuseRuntime(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", a.most))
		return
	}
	accepted(w)
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func wrongState(w http.ResponseWriter, next string) {
	refuseRuntime(w, http.StatusForbidden, "InvalidStateTransition",
		"State transition to Runtime"+next+" failed for runtime. Error: State transition is not allowed")
}

func refuseRuntime(w http.ResponseWriter, status int, errorType, message string) {
	body := failed("", errorType, message).payload
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

const headerFunctionErrorType = "Lambda-Runtime-Function-Error-Type"

// functionErrorType is the type of a reported error as the log has it: only words of Lambda's own form get there.
func functionErrorType(reported string) string {
	switch {
	case knownErrorType.MatchString(reported):
		return reported
	case strings.HasPrefix(reported, "Function."):
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

var knownErrorType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// An initError is what a process said of its init phase.
type initError struct {
	kind   string
	result result
}

func (e *initError) Error() string { return e.kind }
