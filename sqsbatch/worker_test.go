package sqsbatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

// workerEnv holds the settings of a process that is a worker and no test.
const workerEnv = "SQSBATCH_TEST_WORKER"

// workerSettings is what a worker process is told.
type workerSettings struct{ SQS, Lambda, Queue, Dead string }

type order struct{ N int }

// work is the main of a worker process: a Pipeline until standard input ends, and its Stats.
func work(settings string) error {
	var s workerSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return err
	}
	queues := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &s.SQS, Credentials: aws.AnonymousCredentials{}})
	client := lambda.New(lambda.Options{Region: "us-east-1", BaseEndpoint: &s.Lambda, Credentials: aws.AnonymousCredentials{}}, lambdabatch.TunedClient(32))
	b, err := lambdabatch.New[order, string](client, function,
		lambdabatch.WithInvocationTimeout(workerVisibility), lambdabatch.WithLinger(50*time.Millisecond))
	if err != nil {
		return err
	}
	defer b.Close()
	// Each kill adds a delivery to what it had, and a healthy message may be there each time.
	p, err := sqsbatch.New(queues, s.Queue, b, sqsbatch.WithDeadLetterQueue(s.Dead), sqsbatch.WithMaxInFlight(500), sqsbatch.WithMaxReceives(crashKills+5),
		sqsbatch.WithBackoff(time.Second, 2*time.Second), sqsbatch.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
		sqsbatch.WithResult(func(ctx context.Context, m sqsbatch.Message, out string, err error) error {
			if err != nil {
				out = "failed"
			}
			return post(ctx, s.SQS+"/result?id="+url.QueryEscape(m.ID), out)
		}))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := p.Run(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(p.Stats())
}

// post is the database.
func post(ctx context.Context, to, text string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the database answered %s", response.Status)
	}
	return nil
}
