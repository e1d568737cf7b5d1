package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if told := os.Getenv(workerEnv); told != "" {
		os.Exit(workerMain(told))
	}
	os.Exit(m.Run())
}

func TestEachOrderHasOneRow(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-orders", "600", "-json"}, &stdout, &stderr)
	require.Equal(t, exitOK, code, "%s\n%s", &stdout, &stderr)
	var s summary
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &s))
	assert.True(t, s.OK)
	assert.Equal(t, 600, s.Priced+s.Failed)
	assert.Equal(t, 7, s.Failed)
	assert.Equal(t, 3, s.Workers)
	assert.Contains(t, stderr.String(), "a worker was killed")
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"unexpected argument": {"orders"},
		"go together":         {"-queue", "https://host/queue"},
		"at least 1":          {"-orders", "0"},
		"-invocation-timeout 0s: must be more than 0":           {"-invocation-timeout", "0s"},
		"-invocation-timeout -5s: must be more than 0":          {"-invocation-timeout", "-5s"},
		"-invocation-timeout 10s: must be at most 6s, the visi": {"-invocation-timeout", "10s"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitUsage, run(t.Context(), args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), want)
	}
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "-json")
}

// A worker that cannot work is no reason to wait for ever.
func TestWorkersThatEndByThemselves(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	tooLong := settings{Orders: 20, InvocationTimeout: localVisibility + time.Second} // than the queue's visibility timeout; the flags do not allow it
	_, sent, err := pipeline(t.Context(), tooLong, &stderr)
	assert.True(t, sent)
	require.ErrorContains(t, err, "a worker has ended by itself")
}
