package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// quickstart runs the program.
func quickstart(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// printed is the object of -json, with pointers to tell null from zero.
type printed struct {
	Records int     `json:"records"`
	Input   string  `json:"input"`
	Naive   *column `json:"naive"`
	Batcher *column `json:"batcher"`
}

type column struct {
	Succeeded   *int     `json:"succeeded"`
	Failed      *int     `json:"failed"`
	Invocations *int     `json:"invocations"`
	Throttled   *int     `json:"throttled"`
	Seconds     *float64 `json:"seconds"`
}

func parsed(t *testing.T, stdout string) printed {
	t.Helper()
	var p printed
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&p), stdout)
	require.False(t, decoder.More(), "more than one object")
	return p
}

func TestTheBatcherStaysBelowTheQuota(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t, "", "-skip-naive", "-json")

	assert.Equal(t, exitOK, code, stderr)
	p := parsed(t, stdout)
	assert.Equal(t, 500, p.Records)
	assert.Nil(t, p.Naive)
	assert.Equal(t, 500, *p.Batcher.Succeeded)
	assert.Zero(t, *p.Batcher.Failed)
	assert.Zero(t, *p.Batcher.Throttled)
	assert.LessOrEqual(t, *p.Batcher.Invocations, 30)
	assert.Less(t, *p.Batcher.Seconds, 10.0)
}

func TestBothRunsSideBySide(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t, strings.Repeat(`{"sku":1}`+"\n", 10), "-in", "-")

	assert.Equal(t, exitOK, code, stderr)
	var cells [][]string
	for line := range strings.Lines(stdout) {
		cells = append(cells, strings.Fields(line))
	}
	assert.Contains(t, cells, []string{"records", "10", "10"})
	assert.Contains(t, cells, []string{"succeeded", "10", "10"})
	assert.Contains(t, cells, []string{"invocations", "10", "1"})
	assert.Contains(t, cells, []string{"throttled", "0", "0"})
	assert.Contains(t, cells, []string{"records", "per", "invocation", "1.0", "10.0"})
	assert.Contains(t, stderr, "Batcher: 10/10, 0 failed, 1 invocations")
}

func TestARecordThatFailedInTheBatcher(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t, `{"mag":5,"lat":1,"lon":2}
{"mag":5,"lat":91,"lon":2}`, "-in", "-", "-json")

	assert.Equal(t, exitFailed, code)
	p := parsed(t, stdout)
	for _, run := range []*column{p.Naive, p.Batcher} {
		assert.Equal(t, 1, *run.Succeeded)
		assert.Equal(t, 1, *run.Failed)
	}
	assert.Contains(t, stderr, "Batcher: failed records: 1, the first: ")
	assert.Contains(t, stderr, "not on Earth")
}

// The caller's own function stands behind the SDK's configuration, here with a
// loopback Lambda in AWS's place.
func TestFunction(t *testing.T) {
	s := lambdatest.New(lambdatest.RequestRate(1000, 4))
	t.Cleanup(s.Close)
	s.Handle("price-orders", handle)
	server, err := s.Listen("")
	require.NoError(t, err)
	noAWS(t)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")

	code, stdout, stderr := quickstart(t, strings.Repeat(`{"sku":1}`+"\n", 30), "-in", "-", "-json", "-function", "price-orders")

	assert.Equal(t, exitOK, code, stderr)
	assert.Contains(t, stderr, "price-orders in eu-central-1")
	p := parsed(t, stdout)
	assert.Equal(t, 2, *p.Batcher.Invocations)
	// What this side counted is what Lambda did.
	assert.Equal(t, s.Counts().Requests, *p.Naive.Invocations+*p.Batcher.Invocations)
	assert.Equal(t, s.Counts().Throttled, *p.Naive.Throttled+*p.Batcher.Throttled)
}

// noAWS hides the configuration of the machine that the tests run on.
func noAWS(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value) // to have it back afterwards
			require.NoError(t, os.Unsetenv(name))
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestNoRegionAndNoCredentials(t *testing.T) {
	noAWS(t)
	code, stdout, stderr := quickstart(t, "1\n", "-in", "-", "-function", "price-orders")
	assertRefused(t, code, stdout, stderr, "quickstart: no AWS Region: ")

	t.Setenv("AWS_REGION", "eu-central-1")
	code, stdout, stderr = quickstart(t, "1\n", "-in", "-", "-function", "price-orders")
	assertRefused(t, code, stdout, stderr, "quickstart: no AWS credentials: ")
}

// assertRefused is true of a run that sent nothing and said why in one line.
func assertRefused(t *testing.T, code int, stdout, stderr, start string) {
	t.Helper()
	assert.Equal(t, exitUsage, code)
	assert.Empty(t, stdout)
	assert.True(t, strings.HasPrefix(stderr, start), stderr)
	assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"orders.ndjson"}, `unexpected argument "orders.ndjson"`},
		{[]string{"-rate", "9"}, "flag provided but not defined: -rate"},
		{[]string{"-function", ""}, `invalid value "" for flag -function: must not be empty`},
		{[]string{"-in", ""}, `invalid value "" for flag -in: must not be empty`},
		{[]string{"-linger", "soon"}, `invalid value "soon" for flag -linger`},
		{[]string{"-linger", "-1s"}, "lambdabatch: WithLinger(-1s): must not be negative"},
	} {
		t.Run(fmt.Sprint(tt.args), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := quickstart(t, "", tt.args...)
			assertRefused(t, code, stdout, stderr, "quickstart: "+tt.want)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t, "", "-h")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, stderr)
	for _, flag := range []string{"-in FILE", "-function NAME", "-linger", "-skip-naive", "-json"} {
		assert.Contains(t, stdout, flag)
	}
}
