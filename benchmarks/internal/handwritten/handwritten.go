// Package handwritten is a batcher as services have them, to compare with.
package handwritten

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
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// Batcher is a channel, a goroutine that collects what comes from it until the batch is
// full or a ticker ticks, and a channel for each reply. It is written for these
// comparisons, after what such code has in common, and with what is cheap to have right:
// the channels have room, an ID is the record's place in its batch, and a batch is sent
// while the next one is collected.
type Batcher struct {
	client  lambdabatch.Invoker
	s       Settings
	jobs    chan *job
	slots   chan struct{}  // one for each invocation in flight
	sending sync.WaitGroup // invocations
	done    chan struct{}  // closed when the collector has ended
}

// Settings are what such a batcher is written for.
type Settings struct {
	Function string
	Records  int           // in a batch
	InFlight int           // batches at a time
	Pending  int           // records that wait to be collected
	Linger   time.Duration // of the ticker
}

// job is a record on its way.
type job struct {
	data  json.RawMessage
	reply chan Reply // has room for the one that comes
}

// Reply is what became of a record.
type Reply struct {
	Out orders.Order
	Err error
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

// New starts a Batcher. It must be closed.
func New(client lambdabatch.Invoker, s Settings) *Batcher {
	h := &Batcher{
		client: client,
		s:      s,
		jobs:   make(chan *job, s.Pending),
		slots:  make(chan struct{}, s.InFlight),
		done:   make(chan struct{}),
	}
	go h.collect()
	return h
}

// Submit hands a record over. Its reply comes on the channel.
func (h *Batcher) Submit(data json.RawMessage) <-chan Reply {
	j := &job{data, make(chan Reply, 1)}
	h.jobs <- j
	return j.reply
}

// Close sends what is left, and waits for it.
func (h *Batcher) Close() {
	close(h.jobs)
	<-h.done
	h.sending.Wait()
}

func (h *Batcher) collect() {
	defer close(h.done)
	ticker := time.NewTicker(h.s.Linger)
	defer ticker.Stop()
	batch := make([]*job, 0, h.s.Records)
	flush := func() {
		if len(batch) > 0 {
			h.send(batch)
			batch = make([]*job, 0, h.s.Records)
		}
	}
	for {
		select {
		case j, ok := <-h.jobs:
			if !ok {
				flush()
				return
			}
			if batch = append(batch, j); len(batch) == h.s.Records {
				flush()
			}
		case <-ticker.C:
			flush()
		}
	}
}

// send invokes the function in a goroutine, when there is a slot.
func (h *Batcher) send(batch []*job) {
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
func (h *Batcher) invoke(ctx context.Context, batch []*job) (map[string]resultRecord, error) {
	request := requestBody{make([]requestRecord, len(batch))}
	for i, j := range batch {
		request.Records[i] = requestRecord{strconv.Itoa(i), j.data}
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := h.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(h.s.Function), Payload: payload})
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

func replyOf(results map[string]resultRecord, id string, err error) Reply {
	if err != nil {
		return Reply{Err: err}
	}
	result, ok := results[id]
	if !ok || result.Status != "success" {
		return Reply{Err: fmt.Errorf("record %s: %q", id, result.Status)}
	}
	var r Reply
	r.Err = json.Unmarshal(result.Data, &r.Out)
	return r
}
