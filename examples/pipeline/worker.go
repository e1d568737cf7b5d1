package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

// workerEnv holds the settings of a process that is a worker.
const workerEnv = "LAMBDABATCH_EXAMPLE_WORKER"

// counts is what a worker tells of itself, again and again, in lines of JSON.
type counts struct {
	Received       int `json:"received"`
	InFlight       int `json:"inFlight"`
	Succeeded      int `json:"succeeded"`
	Retried        int `json:"retried"`
	Dead           int `json:"dead"`
	LostVisibility int `json:"lostVisibility"`
	Invocations    int `json:"invocations"`
	Throttled      int `json:"throttled"`
}

// workerMain is the pipeline itself. All else in this program is about it.
func workerMain(told string) int {
	var s settings
	if err := json.Unmarshal([]byte(told), &s); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return exitUsage
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { // the end of standard input is the sign to stop
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := worker(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return exitFailed
	}
	return exitOK
}

func worker(ctx context.Context, s settings, stdout io.Writer) error {
	cfg, err := awsConfig(ctx, s)
	if err != nil {
		return err
	}
	queues, err := sqsClient(ctx, s)
	if err != nil {
		return err
	}
	functions := lambda.NewFromConfig(cfg, lambdabatch.TunedClient(64), func(o *lambda.Options) {
		if s.Lambda != "" {
			o.BaseEndpoint = &s.Lambda
		}
	})
	table, err := openTable(ctx, s.Database)
	if err != nil {
		return err
	}
	defer func() { _ = table.close() }()

	prices, err := lambdabatch.New[order, price](functions, s.Function,
		lambdabatch.WithLinger(100*time.Millisecond),
		lambdabatch.WithInvocationTimeout(s.InvocationTimeout))
	if err != nil {
		return err
	}
	defer prices.Close()
	orders, err := sqsbatch.New(queues, s.Queue, prices,
		sqsbatch.WithDeadLetterQueue(s.Dead),
		sqsbatch.WithMaxReceives(3),
		sqsbatch.WithBackoff(time.Second, 5*time.Second),
		sqsbatch.WithResult(func(ctx context.Context, m sqsbatch.Message, p price, err error) error {
			return table.write(ctx, aws.ToString(m.Attributes[orderAttribute].StringValue), p, err)
		}))
	if err != nil {
		return err
	}

	lines := json.NewEncoder(stdout)
	tell := func() { _ = lines.Encode(countsOf(orders.Stats(), prices.Stats())) } // whoever reads it may have gone
	telling := time.NewTicker(100 * time.Millisecond)
	defer telling.Stop()
	done := make(chan error, 1)
	go func() { done <- orders.Run(ctx) }()
	for {
		select {
		case <-telling.C:
			tell()
		case err := <-done:
			tell()
			return err
		}
	}
}

func countsOf(p sqsbatch.Stats, b lambdabatch.Stats) counts {
	return counts{
		int(p.Received), p.InFlight, int(p.Succeeded), int(p.Retried), int(p.Dead), int(p.LostVisibility), //nolint:gosec // far from overflow
		int(b.Invocations), int(b.Throttled()), //nolint:gosec // likewise
	}
}
