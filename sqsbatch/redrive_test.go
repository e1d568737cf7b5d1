package sqsbatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
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

		report, err := sqsbatch.Redrive(t.Context(), letters, b, sqsbatch.RedriveNothing())
		require.NoError(t, err)
		require.Len(t, report.Groups, 2)
		assert.Equal(t, 3, report.Groups[0].Count)
		assert.Contains(t, report.Groups[0].Error, "record …: the function answered")
		assert.Contains(t, report.Groups[1].Error, "crash")
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
	}, report)
	left, skipped, err := lambdabatch.ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	require.Len(t, left, 1)
	assert.Equal(t, "bad", left[0].ID)
}
