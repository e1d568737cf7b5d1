package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
)

// handwritten is a batcher as services have them: a channel, a goroutine that
// collects what comes from it until the batch is full or a ticker ticks, and a channel
// for each reply. It is written for this comparison, after what such code has in
// common, and with what is cheap to have right: the channels have room, an ID is the
// record's place in its batch, and a batch is sent while the next one is collected.
type handwritten struct {
	client   lambdabatch.Invoker
	function string
	size     int
	jobs     chan *job
	slots    chan struct{}  // one for each invocation in flight
	sending  sync.WaitGroup // invocations
	done     chan struct{}  // closed when the collector has ended
}

// job is a record on its way.
type job struct {
	data  json.RawMessage
	reply chan reply // has room for the one that comes
}

type reply struct {
	out order
	err error
}

// The payloads.
type (
	requestRecord struct {
		ID   string          `json:"id"`
		Data json.RawMessage `json:"data"`
	}
	requestBody struct {
		Records []requestRecord `json:"records"`
	}
	resultRecord struct {
		ID     string          `json:"id"`
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
	}
	responseBody struct {
		Results []resultRecord `json:"results"`
	}
)

func newHandwritten(client lambdabatch.Invoker, function string, size int) *handwritten {
	h := &handwritten{
		client:   client,
		function: function,
		size:     size,
		jobs:     make(chan *job, pending),
		slots:    make(chan struct{}, inFlight),
		done:     make(chan struct{}),
	}
	go h.collect()
	return h
}

// submit hands a record over. Its reply comes on the channel.
func (h *handwritten) submit(data json.RawMessage) <-chan reply {
	j := &job{data, make(chan reply, 1)}
	h.jobs <- j
	return j.reply
}

// close sends what is left, and waits for it.
func (h *handwritten) close() {
	close(h.jobs)
	<-h.done
	h.sending.Wait()
}

func (h *handwritten) collect() {
	defer close(h.done)
	ticker := time.NewTicker(linger)
	defer ticker.Stop()
	batch := make([]*job, 0, h.size)
	flush := func() {
		if len(batch) > 0 {
			h.send(batch)
			batch = make([]*job, 0, h.size)
		}
	}
	for {
		select {
		case j, ok := <-h.jobs:
			if !ok {
				flush()
				return
			}
			if batch = append(batch, j); len(batch) == h.size {
				flush()
			}
		case <-ticker.C:
			flush()
		}
	}
}

// send invokes the function in a goroutine, when there is a slot.
func (h *handwritten) send(batch []*job) {
	h.slots <- struct{}{}
	h.sending.Go(func() {
		defer func() { <-h.slots }()
		results, err := h.invoke(context.Background(), batch)
		for i, j := range batch {
			j.reply <- replyOf(results, strconv.Itoa(i), err)
		}
	})
}

// invoke sends a batch. A record's ID is its place in it.
func (h *handwritten) invoke(ctx context.Context, batch []*job) (map[string]resultRecord, error) {
	request := requestBody{make([]requestRecord, len(batch))}
	for i, j := range batch {
		request.Records[i] = requestRecord{strconv.Itoa(i), j.data}
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := h.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(h.function), Payload: payload})
	if err != nil {
		return nil, err
	}
	if out.FunctionError != nil {
		return nil, errors.New(*out.FunctionError)
	}
	var response responseBody
	if err := json.Unmarshal(out.Payload, &response); err != nil {
		return nil, err
	}
	results := make(map[string]resultRecord, len(response.Results))
	for _, r := range response.Results {
		results[r.ID] = r
	}
	return results, nil
}

func replyOf(results map[string]resultRecord, id string, err error) reply {
	if err != nil {
		return reply{err: err}
	}
	result, ok := results[id]
	if !ok || result.Status != "success" {
		return reply{err: fmt.Errorf("record %s: %q", id, result.Status)}
	}
	var r reply
	r.err = json.Unmarshal(result.Data, &r.out)
	return r
}
