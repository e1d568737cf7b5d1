package lambdatest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// A job is one invocation for a process.
type job struct {
	request  *Request
	deadline time.Time
	answered bool
	result   result // if answered
}

func newJob(req *Request, deadline time.Time) *job { return &job{request: req, deadline: deadline} }

// payload is what the process gets.
func (j *job) payload() []byte {
	if len(j.request.Payload) == 0 {
		return []byte("{}")
	}
	return j.request.Payload
}

// describe sets the headers that come with the payload.
func (j *job) describe(h http.Header) {
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", j.request.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(j.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN(j.request.Function, j.request.Qualifier))
	h.Set("Lambda-Runtime-Trace-Id", traceID(j.request))
	if text := clientContext(j.request); text != "" {
		h.Set("Lambda-Runtime-Client-Context", text)
	}
	if j.request.Tenant != "" {
		h.Set("Lambda-Runtime-Aws-Tenant-Id", j.request.Tenant)
	}
}

// traceID is that of the caller, or one of an invocation that is not traced.
func traceID(req *Request) string {
	if id := req.Header.Get("X-Amzn-Trace-Id"); id != "" {
		return id
	}
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), randomHex(12), randomHex(8))
}

// clientContext is what the function sees: JSON in one line. Of an Event it sees nothing.
func clientContext(req *Request) string {
	text, err := base64.StdEncoding.DecodeString(req.ClientContext)
	if err != nil || req.Type == types.InvocationTypeEvent {
		return ""
	}
	var line bytes.Buffer
	if json.Compact(&line, text) != nil {
		return ""
	}
	return line.String()
}
