package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// function is the name of the one that all call.
const function = "work"

// wire is a client's way to the service, on which all calls are counted.
type wire struct {
	http   *lambdatest.HTTPClient
	client int
	log    *recording
}

// Do is for the SDK. The call outlasts its context, so that all that have started
// by the end of a run are counted.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	return w.send(r.WithContext(context.WithoutCancel(r.Context())))
}

func (w *wire) send(r *http.Request) (*http.Response, error) {
	at := time.Now().Add(roundTrip / 2)
	resp, err := w.http.Do(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	w.log.call(w.client, at, status)
	return resp, err
}

var target = &url.URL{Scheme: "https", Host: "lambda.us-east-1.amazonaws.com", Path: "/2015-03-31/functions/" + function + "/invocations"}

// Invoke is that of *lambda.Client without the SDK: a fifth of its time, on the
// same wire.
func (w *wire) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	r := (&http.Request{
		Method:        http.MethodPost,
		URL:           target,
		Header:        http.Header{},
		Body:          io.NopCloser(bytes.NewReader(in.Payload)),
		ContentLength: int64(len(in.Payload)),
	}).WithContext(ctx)
	resp, err := w.send(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusOK:
		return &lambda.InvokeOutput{StatusCode: http.StatusOK, Payload: body}, nil
	case resp.StatusCode == http.StatusTooManyRequests:
		throttle := new(types.TooManyRequestsException)
		err = json.Unmarshal(body, throttle)
		if err == nil {
			err = throttle
		}
	}
	return nil, &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err}
}

// answer is the function's to a batch of one record.
func answer(payload []byte) []byte {
	_, id, _ := bytes.Cut(payload, []byte(`"id":"`))
	id, _, _ = bytes.Cut(id, []byte(`"`))
	return bytes.Join([][]byte{[]byte(`{"results":[{"id":"`), id, []byte(`","status":"success","data":1}]}`)}, nil)
}

// bin is the resolution of all measures.
const bin = 100 * time.Millisecond

// recording is what happened in a run. Calls are counted in the bin in which
// they reached the service.
type recording struct {
	start  time.Time
	length time.Duration

	mu        sync.Mutex // protects following
	offered   []int
	throttled []int
	served    [][]int // by client

	jobs, failures, unfinished int
	latencies                  []time.Duration
	ideas                      []idea // by bin
}

func newRecording(length time.Duration, clients int) *recording {
	n := bins(length)
	r := &recording{start: time.Now(), length: length, offered: make([]int, n), throttled: make([]int, n), ideas: make([]idea, 0, n)}
	for range clients {
		r.served = append(r.served, make([]int, n))
	}
	return r
}

func bins(d time.Duration) int { return int(d / bin) }

func (r *recording) call(client int, at time.Time, status int) {
	i := int(at.Sub(r.start) / bin)
	if i >= len(r.offered) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offered[i]++
	switch status {
	case http.StatusOK:
		r.served[client][i]++
	case http.StatusTooManyRequests:
		r.throttled[i]++
	}
}

func (r *recording) job(since time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs++
	if err != nil {
		r.failures++
	}
	r.latencies = append(r.latencies, time.Since(since))
}

// left is a job that was not done by the end. It has waited at least so long.
func (r *recording) left(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unfinished++
	r.latencies = append(r.latencies, time.Since(since))
}
