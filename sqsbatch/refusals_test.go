package sqsbatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

// Of an Event nobody knows what became of it, and a message must not be deleted for having been handed on.
func TestEventsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
	dead.Send("order")
	events := w.batcher(t, lambdabatch.WithInvocationType(types.InvocationTypeEvent))
	_, err := sqsbatch.New(w.sqs.Client(), q.URL(), events)
	require.ErrorContains(t, err, `WithInvocationType("Event") of the Batcher: must be RequestResponse`)
	require.ErrorContains(t, err, "Results")
	report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), events)
	require.ErrorContains(t, err, `WithInvocationType("Event") of the Batcher: must be RequestResponse`)
	assert.Zero(t, report)
	assert.Zero(t, dead.Messages()[0].Receives)
}

func TestNilIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q, b := w.sqs.Queue("orders"), w.batcher(t)
	var none *sqs.Client
	_, err := sqsbatch.New(none, q.URL(), b, sqsbatch.WithResult[string](nil), sqsbatch.WithDecode[string](nil))
	require.ErrorContains(t, err, "sqsbatch: client: must not be nil")
	require.ErrorContains(t, err, "sqsbatch: WithResult(nil): must not be nil; leave the option out for none")
	require.ErrorContains(t, err, "sqsbatch: WithDecode(nil): must not be nil; leave the option out for the default")

	var noFunctions *lambda.Client
	_, err = sqsbatch.NewResults(noFunctions, none, q.URL())
	require.ErrorContains(t, err, "sqsbatch: client: must not be nil")
	require.ErrorContains(t, err, "sqsbatch: queues: must not be nil")
}

// The text of an error must not keep its message from becoming a dead letter.
func TestAnyErrorFitsIntoALetter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		q, dead := w.sqs.Queue("orders"), w.sqs.Queue("dead")
		q.Send("order")
		p := w.pipeline(t, q, w.batcher(t), sqsbatch.WithDeadLetterQueue(dead.URL()),
			sqsbatch.WithDecode(func(sqsbatch.Message) (string, error) { return "", errors.New("a\x00b\xffc\uffffd") }))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		assert.Contains(t, dead.Messages()[0].Attributes[sqsbatch.DeadLetterAttribute].StringValue, `a\u0000bcd`)
		assert.Zero(t, p.Stats().Retried)
	})
}

// What is wrong with a Redrive is one error before anything is read, and names the culprit.
func TestRedriveRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dead, b := w.sqs.Queue("dead"), w.batcher(t)
	var none *sqs.Client
	_, err := sqsbatch.Redrive[string, string](t.Context(), nil, nil,
		sqsbatch.RedrivePace(-1), sqsbatch.RedriveOnly(nil), sqsbatch.RedriveProgress(nil),
		sqsbatch.RedriveResult[string](nil), sqsbatch.RedriveDecode[string](nil))
	for _, want := range []string{
		"Redrive: letters: must not be nil", "Redrive: batcher: must not be nil", "RedrivePace(-1): must be more than 0", "RedriveOnly(nil): must not be nil",
		"RedriveProgress(nil): must not be nil", "RedriveResult(nil): must not be nil", "RedriveDecode(nil): must not be nil",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(none, "dead", 1500*time.Millisecond), b)
	for _, want := range []string{
		"DeadLetterQueue: client: must not be nil", `DeadLetterQueue: url "dead": must be the URL of a queue`,
		"DeadLetterQueue: hold 1.5s: must be whole seconds, from 1s to 12h",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Minute), b,
		sqsbatch.RedriveResult(func(context.Context, sqsbatch.Letter, int) error { return nil }))
	require.ErrorContains(t, err, "RedriveResult(func(context.Context, sqsbatch.Letter, int) error): must be a func(context.Context, sqsbatch.Letter, string) error, for the Batcher")
	_, err = sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterFile(""), b)
	require.ErrorContains(t, err, `DeadLetterFile(""): must be the path of a file`)
	assert.Zero(t, w.sqs.Calls("ReceiveMessage"))
}
