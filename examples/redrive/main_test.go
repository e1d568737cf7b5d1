package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

// aws points the SDK at an SQS and a Lambda of the test's.
func aws(t *testing.T) *sqstest.Queue {
	t.Helper()
	queues := sqstest.New()
	server := httptest.NewServer(queues)
	t.Cleanup(server.Close)
	t.Cleanup(queues.Close)
	functions := lambdatest.New()
	t.Cleanup(functions.Close)
	functions.Handle("price-orders", lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
		if string(data) == `"bad"` {
			return nil, errors.New("still bad")
		}
		return "fine", nil
	}))
	listener, err := functions.Listen("")
	require.NoError(t, err)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SQS": server.URL, "AWS_ENDPOINT_URL_LAMBDA": listener.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	return queues.Queue("dead")
}

func TestQueue(t *testing.T) {
	q := aws(t)
	q.Send(`"one"`, `"bad"`, `"two"`)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"-queue", q.URL()}, &stdout, &stderr), "%s", &stderr)
	assert.Equal(t, "3 dead letters\n      3  unknown\n", stdout.String())
	stdout.Reset()
	require.Equal(t, exitFailed, run(t.Context(), []string{"-queue", q.URL(), "-function", "price-orders", "-pace", "1000"}, &stdout, &stderr), "%s", &stderr)
	assert.Contains(t, stdout.String(), "submitted 3: 2 succeeded, 1 failed, 2 removed")
	assert.Contains(t, stdout.String(), "still bad")
	assert.Equal(t, 1, q.Len())
}

// Who interrupts it has not used wrong flags.
func TestInterrupted(t *testing.T) {
	q := aws(t)
	q.Send(`"one"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(ctx, []string{"-queue", q.URL(), "-function", "price-orders"}, &stdout, &stderr))
}

func TestFile(t *testing.T) {
	aws(t)
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := lambdabatch.FileDeadLetters(path)
	require.NoError(t, err)
	for _, why := range []string{"timeout 1", "timeout 2", "refused"} {
		require.NoError(t, file.Add(t.Context(), lambdabatch.DeadLetter{ID: why, Payload: json.RawMessage(`"x"`), Err: errors.New(why)}))
	}
	require.NoError(t, file.Close())
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"-file", path, "-function", "price-orders", "-error", "timeout", "-pace", "1000", "-json"}, &stdout, &stderr), "%s", &stderr)
	assert.Contains(t, stdout.String(), `"found":3,`)
	var report struct{ Found, Chosen, Succeeded, Removed int }
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &report))
	assert.Equal(t, struct{ Found, Chosen, Succeeded, Removed int }{3, 2, 2, 2}, report)
	left, _, err := lambdabatch.ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

func TestUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	for want, args := range map[string][]string{
		"-pace 0: must be more than 0":                      {"-queue", "https://host/queue", "-pace", "0"},
		"-hold 1.5s: must be whole seconds, from 1s to 12h": {"-queue", "https://host/queue", "-hold", "1500ms"},
		"-hold: is for -queue":                              {"-file", "letters", "-hold", "10m"},
	} {
		assert.Equal(t, exitUsage, run(t.Context(), args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), want)
	}
	assert.Equal(t, exitUsage, run(t.Context(), nil, &stdout, &stderr))
	assert.Contains(t, stderr.String(), "either -queue or -file")
	assert.Equal(t, exitOK, run(t.Context(), []string{"-h"}, &stdout, &stderr))
}
