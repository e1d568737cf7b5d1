package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

type requestRecord struct {
	id   string
	data string
}

// build writes a request and checks what holds for each: it is JSON, and each record had
// room.
func build(t *testing.T, records ...requestRecord) []byte {
	t.Helper()
	payload := []byte(wire.RequestOpen)
	for i, r := range records {
		if i > 0 {
			payload = append(payload, wire.RequestSeparator...)
		}
		before := len(payload)
		payload = wire.AppendRecord(payload, r.id, []byte(r.data))
		require.LessOrEqual(t, len(payload)-before, wire.RecordRoom(r.id, []byte(r.data)))
	}
	payload = append(payload, wire.RequestClose...)
	require.True(t, json.Valid(payload), "%q", payload)
	require.True(t, wire.Valid(payload), "%q", payload)
	return payload
}

// decode reads a request with encoding/json, as a function would.
func decode(t *testing.T, payload []byte) []requestRecord {
	t.Helper()
	var request struct {
		Records []struct {
			ID   string          `json:"id"`
			Data json.RawMessage `json:"data"`
		} `json:"records"`
	}
	require.NoError(t, json.Unmarshal(payload, &request))
	records := make([]requestRecord, len(request.Records))
	for i, r := range request.Records {
		records[i] = requestRecord{r.ID, string(r.Data)}
	}
	return records
}

func TestRequest(t *testing.T) {
	t.Parallel()
	records := []requestRecord{{"1", `{"a":[1,2]}`}, {"2", `null`}, {"3", `"<&>\n"`}, {"4", `{ "spaces" : "stay" }`}}
	for n := 1; n <= len(records); n++ {
		assert.Equal(t, records[:n], decode(t, build(t, records[:n]...)))
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	var control strings.Builder
	for c := range rune(' ') {
		control.WriteRune(c)
	}
	for name, tt := range map[string]struct{ id, written string }{
		"plain":             {"4kq9w2zt-17", `4kq9w2zt-17`},
		"empty":             {"", ``},
		"quote":             {`a"b`, `a\"b`},
		"only quotes":       {`""`, `\"\"`},
		"backslash":         {`a\b\`, `a\\b\\`},
		"line feed":         {"a\nb", `a\u000ab`},
		"NUL":               {"\x00", `\u0000`},
		"all controls":      {control.String(), ""},
		"delete":            {"\x7f", "\x7f"},
		"slash and angles":  {"</&>", "</&>"},
		"line separators":   {"\u2028\u2029", "\u2028\u2029"},
		"not ASCII":         {"Zürich-東京-😀", "Zürich-東京-😀"},
		"replacement":       {"\uFFFD", "\uFFFD"},
		"mixed":             {"é\"ü\\\t東", `é\"ü\\\u0009東`},
		"the last of ASCII": {"~\u0080", "~\u0080"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := build(t, requestRecord{tt.id, "1"})
			assert.Equal(t, []requestRecord{{tt.id, "1"}}, decode(t, payload))
			if tt.written != "" {
				assert.Contains(t, string(payload), `{"id":"`+tt.written+`","data":1}`)
			}
		})
	}
}

func TestRequestInvalidUTF8(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"\xff":             "\uFFFD",
		"a\xffb":           "a\uFFFDb",
		"\xff\xfe\"":       "\uFFFD\uFFFD\"",
		"\xed\xa0\x80":     "\uFFFD\uFFFD\uFFFD",
		"\xe6\x9d":         "\uFFFD\uFFFD",
		"\xc3\xa9\xc3\n":   "é\uFFFD\n",
		"\xf4\x90\x80\x80": "\uFFFD\uFFFD\uFFFD\uFFFD",
	} {
		payload := build(t, requestRecord{id, "1"})
		assert.True(t, utf8.Valid(payload), "%q", payload)
		assert.Equal(t, []requestRecord{{want, "1"}}, decode(t, payload))
	}
}

func TestAppendRecordKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	dst := append(make([]byte, 0, 100), "before"...)
	assert.Equal(t, `before{"id":"1","data":2}`, string(wire.AppendRecord(dst, "1", []byte("2"))))
}

func TestAppendRecordAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate
	dst := make([]byte, 0, 1000)
	data := []byte(record)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		dst = wire.AppendRecord(dst[:0], "a\"é\xff\n", data)
	}))
}

func FuzzRequest(f *testing.F) {
	for _, doc := range documents {
		f.Add(doc, doc, "2", record)
	}
	f.Add("1", "{}", "1", "[ ]")
	f.Fuzz(func(t *testing.T, id1, data1, id2, data2 string) {
		if !wire.Valid([]byte(data1)) || !wire.Valid([]byte(data2)) {
			return
		}
		payload := build(t, requestRecord{id1, data1}, requestRecord{id2, data2})
		// White space around a value and broken characters in an ID are all that may be lost.
		want := []requestRecord{{asJSON(id1), trim(data1)}, {asJSON(id2), trim(data2)}}
		require.Equal(t, want, decode(t, payload))
	})
}

// asJSON returns text as encoding/json decodes it: broken characters replaced.
func asJSON(text string) string { return string([]rune(text)) }

func trim(data string) string { return strings.Trim(data, " \t\r\n") }
