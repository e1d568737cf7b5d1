package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

func TestRedriveOfAQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		q.Send("bad1", "bad2", "bad3", "crash1")
		b := w.batcher(t, lambdabatch.WithLinger(0))
		p := w.pipeline(t, q, b, sqsbatch.WithDeadLetterQueue(dead.URL()))
		r := start(t, p)
		drained(t, q)
		require.NoError(t, r.end())
		require.Equal(t, 4, dead.Len())
		letters := sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour)
		invocations := len(w.lambda.Invocations())

		report, err := sqsbatch.Redrive(t.Context(), letters, b, sqsbatch.RedriveNothing())
		require.NoError(t, err)
		require.Len(t, report.Groups, 2)
		assert.Equal(t, 3, report.Groups[0].Count)
		assert.Contains(t, report.Groups[0].Error, "record …: the function answered")
		assert.Contains(t, report.Groups[1].Error, "crash")
		assert.Equal(t, []int{4, 0, 0}, []int{report.Chosen, report.Succeeded, report.Failed})
		assert.Len(t, w.lambda.Invocations(), invocations)
		for _, m := range dead.Messages() {
			assert.False(t, m.InFlight)
		}

		mended, err := lambdabatch.New[string, string](w.lambda.Client(), "mended", lambdabatch.WithLinger(0))
		require.NoError(t, err)
		defer mended.Close()
		w.lambda.Handle("mended", func(_ context.Context, payload []byte) ([]byte, error) {
			text := strings.NewReplacer("records", "results", `"data"`, `"status":"success","data"`).Replace(string(payload))
			return []byte(strings.ReplaceAll(text, `"bad3"`, `{}`)), nil
		})
		began, calls := time.Now(), 0
		report, err = sqsbatch.Redrive(t.Context(), letters, mended,
			sqsbatch.RedriveOnly(func(l sqsbatch.Letter) bool { return strings.Contains(l.Error, "refused") }),
			sqsbatch.RedrivePace(0.1),
			sqsbatch.RedriveProgress(func(sqsbatch.RedriveReport) { calls++ }),
			sqsbatch.RedriveResult(func(_ context.Context, l sqsbatch.Letter, out string) error {
				assert.Equal(t, l.Body, out)
				return nil
			}))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(began), 20*time.Second)
		assert.Equal(t, 4, calls)
		assert.Equal(t, []int{4, 3, 2, 1, 2}, []int{report.Found, report.Chosen, report.Succeeded, report.Failed, report.Removed})
		left := dead.Messages()
		require.Len(t, left, 2)
		for _, m := range left {
			assert.False(t, m.InFlight)
		}
	})
}

func TestRedriveOfAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := lambdabatch.FileDeadLetters(path)
	require.NoError(t, err)
	for _, text := range []string{"one", "bad", "two"} {
		data, err := json.Marshal(text)
		require.NoError(t, err)
		require.NoError(t, file.Add(t.Context(), lambdabatch.DeadLetter{ID: text, Payload: data, Err: errors.New("was down")}))
	}
	require.NoError(t, file.Close())
	b, err := lambdabatch.New[string, string](w.lambda.Client(), function)
	require.NoError(t, err)
	defer b.Close()
	report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterFile(path), b, sqsbatch.RedrivePace(1e6))
	require.NoError(t, err)
	assert.Equal(t, sqsbatch.RedriveReport{
		Found: 3, Groups: []sqsbatch.LetterGroup{{Error: "was down", Count: 3}}, Chosen: 3, Succeeded: 2, Failed: 1, Removed: 2,
		Failures: []sqsbatch.LetterGroup{{Error: report.Failures[0].Error, Count: 1}},
	}, report)
	left, skipped, err := lambdabatch.ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	require.Len(t, left, 1)
	assert.Equal(t, "bad", left[0].ID)
}

// After one that fails the rest of its group stays, and there is one of a group at a time.
func TestRedriveOfGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		slowly(w, time.Second)
		dead := w.sqs.Queue("dead.fifo")
		dead.SendGroup("a", "a1", "bad2", "a3")
		dead.SendGroup("b", "b1", "b2")
		b := w.batcher(t, lambdabatch.WithLinger(0))
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), b, sqsbatch.RedrivePace(1000))
		require.NoError(t, err)
		assert.Equal(t, []int{5, 3, 2, 3}, []int{report.Found, report.Succeeded, report.Failed, report.Removed})
		var left []string
		for _, m := range dead.Messages() {
			left = append(left, m.Body)
			assert.False(t, m.InFlight)
		}
		assert.Equal(t, []string{"bad2", "a3"}, left)
		all := w.lambda.Invocations()
		require.Len(t, all, 4)
		assert.False(t, all[1].At.Before(all[0].Answered))
	})
}

// A letter of no group holds nobody up.
func TestRedriveGoesOnAfterAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send("bad", "good", "better")
		b := w.batcher(t, lambdabatch.WithLinger(0))
		report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), b, sqsbatch.RedrivePace(1),
			sqsbatch.RedriveResult(func(_ context.Context, l sqsbatch.Letter, _ string) error {
				if l.Body == "better" {
					return assert.AnError
				}
				return nil
			}))
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2, 1}, []int{report.Succeeded, report.Failed, report.Removed})
		assert.Equal(t, 2, dead.Len()) // that whose result was not written, too
	})
}

func TestRedriveThatCannotRemove(t *testing.T) {
	t.Parallel()
	for name, effect := range map[string]sqstest.Effect{"denied": sqstest.AccessDenied(), "refused": sqstest.FailEntries("ReceiptHandleIsInvalid", true, nil)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t)
				w.sqs.Fault(effect, sqstest.OnOperation("DeleteMessageBatch"))
				dead := w.sqs.Queue("dead")
				dead.Send("good")
				report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), w.batcher(t))
				require.ErrorContains(t, err, "has succeeded, but cannot be removed")
				assert.Equal(t, []int{1, 0, 0}, []int{report.Succeeded, report.Failed, report.Removed})
				assert.False(t, dead.Messages()[0].InFlight)
			})
		})
	}
}

// What was not submitted when ctx ended goes back.
func TestRedriveThatIsInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send(bodies("order", 25)...)
		ctx, cancel := context.WithCancel(t.Context())
		client, b := w.sqs.Client(), w.batcher(t, lambdabatch.WithLinger(0))
		report, err := sqsbatch.Redrive(ctx, sqsbatch.DeadLetterQueue(client, dead.URL(), time.Hour), b, sqsbatch.RedrivePace(1),
			sqsbatch.RedriveProgress(func(r sqsbatch.RedriveReport) {
				if r.Succeeded == 3 {
					cancel()
				}
			}))
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []int{25, 25, 3, 0, 3}, []int{report.Found, report.Chosen, report.Succeeded, report.Failed, report.Removed})
		left := dead.Messages()
		assert.Len(t, left, 22)
		for _, m := range left {
			assert.False(t, m.InFlight)
		}
	})
}

// forgetful is a client whose second receive brings nothing, as may be of a queue that is nearly empty.
type forgetful struct {
	sqsbatch.Client
	calls int
}

func (c *forgetful) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if c.calls++; c.calls == 2 {
		return &sqs.ReceiveMessageOutput{}, nil
	}
	return c.Client.ReceiveMessage(ctx, in, opts...)
}

func TestRedriveLooksTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead := w.sqs.Queue("dead")
		dead.Send(bodies("order", 12)...)
		letters := sqsbatch.DeadLetterQueue(&forgetful{Client: w.sqs.Client()}, dead.URL(), time.Hour)
		report, err := sqsbatch.Redrive(t.Context(), letters, w.batcher(t), sqsbatch.RedriveNothing())
		require.NoError(t, err)
		assert.Equal(t, 12, report.Found)
	})
}

// A letter is known by the ID that the message had where it comes from.
func TestLettersKeepTheirID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t)
		dead, q := w.sqs.Queue("dead"), w.sqs.Queue("orders")
		id := q.Send("bad")[0]
		b := w.batcher(t)
		r := start(t, w.pipeline(t, q, b, sqsbatch.WithDeadLetterQueue(dead.URL())))
		drained(t, q)
		require.NoError(t, r.end())
		var ids []string
		_, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterQueue(w.sqs.Client(), dead.URL(), time.Hour), b, sqsbatch.RedriveNothing(),
			sqsbatch.RedriveOnly(func(l sqsbatch.Letter) bool {
				ids = append(ids, l.ID)
				return false
			}))
		require.NoError(t, err)
		assert.Equal(t, []string{id}, ids)
	})
}

// Errors that differ in IDs, numbers and how often it was tried are of one kind; and what an interrupted Redrive has left beside the file is not taken for its letters.
func TestRedriveGroupsErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	stale, err := lambdabatch.FileDeadLetters(path + ".left")
	require.NoError(t, err)
	require.NoError(t, stale.Add(t.Context(), lambdabatch.DeadLetter{ID: "stale", Payload: json.RawMessage(`"stale"`)}))
	require.NoError(t, stale.Close())
	file, err := lambdabatch.FileDeadLetters(path)
	require.NoError(t, err)
	for _, why := range []string{
		"lambdabatch: the last of 6 attempts failed: order a at 0x1f: took 31 ms", "lambdabatch: the last of 1 attempt failed: order b at 0x2e: took 4 ms", "order c at 0xc0: took 7 ms", "refused", "",
	} {
		id := "x"
		if at := strings.Index(why, "order "); at >= 0 {
			id = why[at:][6:7] + "-id"
			why = strings.Replace(why, "order "+why[at:][6:7], "order "+id, 1)
		}
		letter := lambdabatch.DeadLetter{ID: id, Payload: json.RawMessage(`"bad"`)}
		if why != "" {
			letter.Err = errors.New(why)
		} else {
			letter.Payload = json.RawMessage(`"good"`)
		}
		require.NoError(t, file.Add(t.Context(), letter))
	}
	require.NoError(t, file.Close())
	b, err := lambdabatch.New[string, string](w.lambda.Client(), function)
	require.NoError(t, err)
	defer b.Close()
	report, err := sqsbatch.Redrive(t.Context(), sqsbatch.DeadLetterFile(path), b, sqsbatch.RedrivePace(1e6))
	require.NoError(t, err)
	assert.Equal(t, []sqsbatch.LetterGroup{{Error: "order … at …: took … ms", Count: 3}, {Error: "refused", Count: 1}, {Error: "unknown", Count: 1}}, report.Groups)
	assert.Equal(t, 1, report.Removed)
	left, _, err := lambdabatch.ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Len(t, left, 4)
	for _, l := range left {
		assert.NotEqual(t, "stale", l.ID)
	}
}
