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

func TestParseFunctionError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		payload string
		want    wire.FunctionError
	}{
		"Python": {
			`{"errorMessage": "no stock", "errorType": "KeyError", "requestId": "f1", "stackTrace": ["  File \"x.py\"\n"]}`,
			wire.FunctionError{Type: "KeyError", Message: "no stock", Trace: []byte(`["  File \"x.py\"\n"]`)},
		},
		"Node": {
			`{"errorType":"TypeError","errorMessage":"x is not a function","trace":["TypeError: x"," at y"]}`,
			wire.FunctionError{Type: "TypeError", Message: "x is not a function", Trace: []byte(`["TypeError: x"," at y"]`)},
		},
		"Go": {
			`{"errorMessage":"boom","errorType":"errorString","stackTrace":[{"path":"main.go","line":7,"label":"main"}]}`,
			wire.FunctionError{Type: "errorString", Message: "boom", Trace: []byte(`[{"path":"main.go","line":7,"label":"main"}]`)},
		},
		"trace as a string": {
			`{"errorType":"E","stackTrace":"at a\nat b"}`,
			wire.FunctionError{Type: "E", Trace: []byte(`"at a\nat b"`)},
		},
		"process exit": {
			`{"errorMessage":"RequestId: f1 Process exited before completing request"}`,
			wire.FunctionError{Message: "RequestId: f1 Process exited before completing request"},
		},
		"only a type":          {`{"errorType":"Sandbox.Timedout"}`, wire.FunctionError{Type: "Sandbox.Timedout"}},
		"empty message":        {`{"errorMessage":""}`, wire.FunctionError{}},
		"wrong kinds":          {`{"errorMessage":null,"errorType":"T","stackTrace":{"a":1},"trace":7}`, wire.FunctionError{Type: "T"}},
		"wrong kinds after":    {`{"errorType":"T","trace":[1],"errorType":5,"stackTrace":null,"trace":true}`, wire.FunctionError{Type: "T", Trace: []byte("[1]")}},
		"escapes":              {`{"error\u004dessage":"\u00e9\n","errorType":"\ud83d"}`, wire.FunctionError{Type: "\uFFFD", Message: "é\n"}},
		"not UTF-8":            {"{\"errorMessage\":\"\xff\"}", wire.FunctionError{Message: "\uFFFD"}},
		"white space":          {" {\n} ", wire.FunctionError{}},
		"null":                 {`null`, wire.FunctionError{}},
		"array":                {`[{"errorMessage":"m"}]`, wire.FunctionError{}},
		"string":               {`"Task timed out after 3.00 seconds"`, wire.FunctionError{}},
		"no text":              {`Task timed out`, wire.FunctionError{}},
		"nothing":              {``, wire.FunctionError{}},
		"nothing known":        {`{"message":"m","ErrorMessage":"m","trace":["t"]}`, wire.FunctionError{}},
		"message not a string": {`{"errorMessage":{"a":1}}`, wire.FunctionError{}},
		"broken off":           {`{"errorMessage":"m","errorType":"T"`, wire.FunctionError{}},
		"garbage behind":       {`{"errorMessage":"m"}}`, wire.FunctionError{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, ok := wire.ParseFunctionError([]byte(tt.payload))
			assert.Equal(t, tt.want, e)
			assert.Equal(t, tt.want.Type+tt.want.Message != "" || name == "empty message", ok)
		})
	}
}

func TestParseFunctionErrorCuts(t *testing.T) {
	t.Parallel()
	long := "x" + strings.Repeat("é", 4096)
	e, ok := wire.ParseFunctionError([]byte(`{"errorMessage":"` + long + `","errorType":"` + long + `"}`))
	require.True(t, ok)
	assert.Equal(t, long[:4095], e.Message)
	assert.Equal(t, long[:4095], e.Type)
}

func FuzzParseFunctionError(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
		f.Add([]byte(`{"errorType":"T","errorMessage":` + doc + `,"stackTrace":` + doc + `}`))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, ok := wire.ParseFunctionError(payload)
		fields := map[string][]string{}
		if json.Valid(payload) {
			if object, isObject := members(payload); isObject {
				fields = object
			}
		}
		typ, hasType := lastText(fields["errorType"])
		message, hasMessage := lastText(fields["errorMessage"])
		require.Equal(t, hasType || hasMessage, ok)
		require.Equal(t, typ, e.Type)
		require.Equal(t, message, e.Message)
		if e.Trace != nil {
			require.True(t, json.Valid(e.Trace))
			require.Contains(t, append(fields["stackTrace"], fields["trace"]...), string(e.Trace))
		}
	})
}

// lastText returns the last string among values, at most 4 KiB of it.
func lastText(values []string) (text string, ok bool) {
	for _, value := range values {
		if s, isString := asString(value); isString {
			text, ok = s, true
		}
	}
	if len(text) > 4096 {
		text = text[:4096]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text, ok
}
