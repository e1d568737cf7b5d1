package sqsbatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

const (
	crashMessages    = 20_000
	crashKills       = 5
	workerVisibility = 10 * time.Second
)

// Orders of these numbers fail for good: they crash the function, are refused by it, or are no JSON.
func poison(n int) string {
	switch n % 400 {
	case 17:
		return "crash"
	case 170:
		return "refused"
	case 371:
		return "undecodable"
	default:
		return ""
	}
}

// A worker is killed five times while it works off 20,000 messages of a real queue server, with a Lambda that throttles and orders that are
// poison: each message has its result, none was deleted before, and none was processed twice that was not delivered twice.
func TestNoMessageIsLostWhenWorkersCrash(t *testing.T) {
	t.Parallel()
	url := fauxqs(t)
	w := newWitness(t, url)
	proxy := httptest.NewServer(w)
	t.Cleanup(proxy.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)

	lambda := lambdatest.New(lambdatest.RequestRate(150, 30), lambdatest.AccountConcurrency(12))
	t.Cleanup(lambda.Close)
	lambda.Handle(function, func(ctx context.Context, payload []byte) ([]byte, error) {
		time.Sleep(20 * time.Millisecond)
		return lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
			var o order
			if err := json.Unmarshal(data, &o); err != nil {
				return nil, err
			}
			switch poison(o.N) {
			case "crash":
				panic("poison")
			case "refused":
				return nil, fmt.Errorf("no such order")
			}
			return fmt.Sprint("order ", o.N), nil
		})(ctx, payload)
	})
	lambda.Fault(lambdatest.ResetAfter(), lambdatest.Skip(40), lambdatest.Count(5))
	lambda.Fault(lambdatest.ServerError(502, ""), lambdatest.Skip(90), lambdatest.Count(20))
	server, err := lambda.Listen("")
	require.NoError(t, err)
	t.Cleanup(server.Close)

	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: aws.AnonymousCredentials{}})
	queue, dead := createQueue(t, client, "orders"), createQueue(t, client, "dead")
	sendOrders(t, client, queue)

	settings, err := json.Marshal(workerSettings{proxy.URL, server.URL, queue, dead})
	require.NoError(t, err)
	for i := range crashKills {
		worker := startWorker(t, string(settings))
		<-w.after(i*crashMessages/(crashKills+1) + 1 + rand.IntN(crashMessages/(crashKills+1)))
		require.NoError(t, worker.command.Process.Kill())
		require.Error(t, worker.command.Wait())
	}
	worker := startWorker(t, string(settings))
	for left := 1; left > 0; time.Sleep(200 * time.Millisecond) {
		left = depth(t, client, queue)
	}
	require.NoError(t, worker.in.Close())
	require.NoError(t, worker.command.Wait())
	var stats sqsbatch.Stats
	require.NoError(t, json.Unmarshal(worker.out.Bytes(), &stats))
	balanced(t, stats)

	w.mu.Lock()
	defer w.mu.Unlock()
	seen, duplicates := map[string]bool{}, 0
	for id, results := range w.results {
		body := w.bodies[id]
		seen[body] = true
		duplicates += len(results) - 1
		assert.LessOrEqual(t, len(results), w.deliveries[id], "more results than deliveries of %s", body)
		assert.True(t, w.deleted[id], body)
		n := numberOf(t, body)
		want := fmt.Sprint("order ", n)
		if poison(n) != "" {
			want = "failed"
		}
		for _, result := range results {
			assert.Equal(t, want, result)
		}
	}
	assert.Len(t, seen, crashMessages)
	letters := map[string]bool{}
	for _, m := range receiveAll(t, client, dead) {
		letters[*m.Body] = true
		assert.NotEmpty(t, poison(numberOf(t, *m.Body)), "a dead letter without a fault: %s, %s", *m.Body, aws.ToString(m.MessageAttributes[sqsbatch.DeadLetterAttribute].StringValue))
		assert.Contains(t, m.MessageAttributes, sqsbatch.DeadLetterAttribute)
	}
	assert.Len(t, letters, crashMessages/400*3)
	assert.Positive(t, lambda.Counts().Throttled)
	t.Logf("%d messages, %d workers killed, %d results written again, %d invocations, %d throttled; the last worker: %+v",
		len(seen), crashKills, duplicates, lambda.Counts().Requests, lambda.Counts().Throttled, stats)
}

func bodyOf(n int) string {
	if poison(n) == "undecodable" {
		return fmt.Sprint("order number ", n)
	}
	return fmt.Sprintf(`{"N":%d}`, n)
}

func numberOf(t *testing.T, body string) int {
	t.Helper()
	n, err := strconv.Atoi(string(bytes.Trim([]byte(body), `{}":Nnorde umb`)))
	require.NoError(t, err)
	return n
}

type workerProcess struct {
	command *exec.Cmd
	in      io.Closer
	out     *bytes.Buffer
}

// startWorker starts this program as a worker.
func startWorker(t *testing.T, settings string) workerProcess {
	t.Helper()
	out := new(bytes.Buffer)
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), workerEnv+"="+settings)
	command.Stdout, command.Stderr = out, os.Stderr
	in, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	return workerProcess{command, in, out}
}

func createQueue(t *testing.T, client *sqs.Client, name string) string {
	t.Helper()
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String(name), Attributes: map[string]string{"VisibilityTimeout": strconv.Itoa(int(workerVisibility / time.Second))},
	})
	require.NoError(t, err)
	return *out.QueueUrl
}

func sendOrders(t *testing.T, client *sqs.Client, queue string) {
	t.Helper()
	var senders sync.WaitGroup
	const all = 8
	for s := range all {
		senders.Go(func() {
			for at := s * 10; at < crashMessages; at += all * 10 {
				entries := make([]types.SendMessageBatchRequestEntry, 10)
				for i := range entries {
					entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(bodyOf(at + i))}
				}
				out, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queue, Entries: entries})
				if assert.NoError(t, err) {
					assert.Len(t, out.Successful, 10)
				}
			}
		})
	}
	senders.Wait()
}

// depth is how many messages a queue holds, those in flight too.
func depth(t *testing.T, client *sqs.Client, queue string) int {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	require.NoError(t, err)
	n := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		part, err := strconv.Atoi(out.Attributes[name])
		require.NoError(t, err)
		n += part
	}
	return n
}

// receiveAll empties a queue that nothing is sent to any more.
func receiveAll(t *testing.T, client *sqs.Client, queue string) []types.Message {
	t.Helper()
	var all []types.Message
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, VisibilityTimeout: 3600,
		})
		require.NoError(t, err)
		if len(out.Messages) == 0 {
			return all
		}
		all = append(all, out.Messages...)
	}
}
