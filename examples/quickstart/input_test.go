package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBundledRecords(t *testing.T) {
	t.Parallel()
	in, err := readInput("", nil)
	require.NoError(t, err)
	assert.Len(t, in.records, 500)
	seen := make(map[any]bool)
	for _, record := range in.records {
		got, err := assess(record)
		require.NoError(t, err)
		require.IsType(t, assessment{}, got, "%s", record)
		seen[got.(assessment).ID] = true
	}
	assert.Len(t, seen, 500, "each of its own ID")
}

func TestBadInputIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	missing := filepath.Join(dir, "missing.ndjson")
	orders := file("orders.ndjson", "{\"a\":1}\n\n{\"a\":2}\r\norder 3\n{\"a\":4}\n")
	cut := file("cut.ndjson", "{\"a\":1}\n{\"a\":")
	pretty := file("pretty.json", "[\n 1,\n 2\n]\n")
	twice := file("twice.ndjson", "{} {}\n")
	blank := file("blank.ndjson", "\n \r\n\n")
	latin1 := file("latin1.ndjson", "\"K\xf6ln\"\n")
	large := file("large.ndjson", "1\n\""+strings.Repeat("x", maxRecord)+"\"\n")

	for _, tt := range []struct{ path, want string }{
		{missing, "open " + missing + ": "},
		{dir, dir + ":1: "},
		{orders, orders + ":4: not JSON: invalid character 'o' looking for beginning of value"},
		{cut, cut + ":2: not JSON: unexpected end of JSON input"},
		{pretty, pretty + ":1: not JSON: unexpected end of JSON input"},
		{twice, twice + ":1: not JSON: invalid character '{' after top-level value"},
		{blank, blank + ": no records"},
		{latin1, latin1 + ":1: not UTF-8"},
		{large, large + ":2: the record has 6291330 bytes"},
	} {
		t.Run(filepath.Base(tt.path), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := quickstart(t, "", "-in", tt.path)
			assertRefused(t, code, stdout, stderr, "quickstart: "+tt.want)
		})
	}
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 1<<20) + `"`
	in, err := readInput("-", strings.NewReader("\ufeff{\"a\": 1}\r\n\n  null\n"+long))
	require.NoError(t, err)
	assert.Equal(t, []json.RawMessage{[]byte(`{"a": 1}`), []byte("null"), []byte(long)}, in.records)

	_, err = readInput("-", io.MultiReader(strings.NewReader("1\n2\n"), iotest.ErrReader(errors.New("broken pipe"))))
	assert.EqualError(t, err, "stdin:3: broken pipe")
}

// What is let in must not be too large for the Batcher.
func TestTheLargestRecordIsSent(t *testing.T) {
	t.Parallel()
	largest := `"` + strings.Repeat("x", maxRecord-2) + `"`
	code, _, stderr := quickstart(t, largest, "-in", "-", "-skip-naive")
	assert.Equal(t, exitOK, code, stderr)
}
