package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	t.Parallel()
	r := report{
		Records: 500, Input: "orders.ndjson",
		Naive:   &result{Succeeded: 198, Failed: 302, Invocations: 745, Throttled: 547, Seconds: 18.61234, firstFailure: errors.New("one\ntwo")},
		Batcher: &result{Succeeded: 500, Invocations: 25, Seconds: 1.3},
	}
	var stdout, stderr bytes.Buffer
	require.NoError(t, r.write(&stdout, &stderr, true))
	assert.Equal(t, `{"records":500,"input":"orders.ndjson",`+
		`"naive":{"succeeded":198,"failed":302,"invocations":745,"throttled":547,"seconds":18.612},`+
		`"batcher":{"succeeded":500,"failed":0,"invocations":25,"throttled":0,"seconds":1.3}}`+"\n", stdout.String())
	assert.Equal(t, "one by one: failed records: 302, the first: one; two\n", stderr.String())
}

// After Ctrl-C in the first run there is no second, and what was done is told.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	c, err := newComparison(ctx, settings{}, newProgress(&stderr))
	require.NoError(t, err)
	defer c.close()
	in, err := readInput("", nil)
	require.NoError(t, err)

	interrupt()
	r := c.run(ctx, in)

	assert.True(t, r.Interrupted)
	assert.Nil(t, r.Batcher)
	assert.Zero(t, r.Naive.Failed)
	require.NoError(t, r.write(&stdout, &stderr, false))
	assert.Regexp(t, `unfinished +500 +-\n`, stdout.String())
	assert.Contains(t, stdout.String(), "Interrupted: ")
}

func TestInterruptedBatcher(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	target, err := openLocal()
	require.NoError(t, err)
	defer target.close()
	b, err := newBatcher(target, 0)
	require.NoError(t, err)
	in, err := readInput("", nil)
	require.NoError(t, err)

	interrupt()
	var outcomes tally
	b.run(ctx, target, in.records, &outcomes)
	assert.Equal(t, result{}, outcomes.result())
}

func TestBar(t *testing.T) {
	t.Parallel()
	r := result{Succeeded: 200, Failed: 50, Invocations: 25, Seconds: 1.3}
	assert.Equal(t, "Batcher ███████████████░░░░░░░░░░░░░░░ 250/500, 50 failed, 25 invocations, 0 throttled, 1.3 s            ",
		draw("Batcher", 500, r, 105))
	long := result{Succeeded: 400, Failed: 100, Invocations: 1234, Throttled: 1000, Seconds: 99.9}
	assert.Contains(t, draw("one by one", 500, long, 79), "█", "there is a bar on a terminal of 80 columns")
	for columns := range 120 {
		assert.Equal(t, columns, utf8.RuneCountInString(draw("Batcher", 500, r, columns)))
	}
}
