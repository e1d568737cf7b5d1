package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// The loopback Lambda: the quota of an account that is short of invocations a
// second and not of concurrency. AWS does not publish how deep the bucket behind
// the rate is; twice the rate is our assumption.
const (
	localFunction    = "assess-quakes"
	localRate        = 10
	localBurst       = 20
	localConcurrency = 100
)

// What an invocation costs besides its records, as setting up connections and
// queries does, and each record. The function sleeps for it, as one does that
// waits for a database.
const (
	costOfInvocation = 50 * time.Millisecond
	costOfRecord     = 2 * time.Millisecond
)

var localInWords = fmt.Sprintf(
	"a Lambda on a loopback port: %d invocations a second (at most %d at once after a pause), reserved concurrency %d, %v + %v per record",
	localRate, localBurst, localConcurrency, costOfInvocation, costOfRecord)

// openLocal starts a Lambda with its quota unused.
func openLocal() (*target, error) {
	s := lambdatest.New(
		lambdatest.RequestRate(localRate, localBurst),
		lambdatest.History(0), // the totals will do
	)
	// It is to show the quota. How fast this machine is is not its subject.
	s.Handle(localFunction, handle, lambdatest.Reserved(localConcurrency), lambdatest.Timeout(time.Minute))
	server, err := s.Listen("")
	if err != nil {
		s.Close()
		return nil, err
	}
	return &target{
		client:   server.Client(),
		function: localFunction,
		counts: func() (invocations, throttled int) {
			c := s.Counts()
			return c.Requests, c.Throttled
		},
		close: s.Close,
	}, nil
}

var handleBatch = lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
	return assess(data)
})

// handle is the function. It takes a batch, and also a single record as it is,
// for the run without batches.
func handle(ctx context.Context, payload []byte) ([]byte, error) {
	request, _ := lambdatest.FromContext(ctx)
	batch := request.Records()
	if err := sleep(ctx, costOfInvocation+time.Duration(max(len(batch), 1))*costOfRecord); err != nil {
		return nil, err
	}
	if batch != nil {
		return handleBatch(ctx, payload)
	}
	assessment, err := assess(payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(assessment)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
