package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// result is a wire.Result in a form that compares and prints well. Absent is ∅.
type result struct {
	id, status, data, errorType, errorMessage string
	retryAfter                                time.Duration
	malformed                                 string
}

const absent = "∅"

func readable(r wire.Result) result {
	text := func(b []byte) string {
		if b == nil {
			return absent
		}
		return asJSON(string(b))
	}
	return result{text(r.ID), text(r.Status), text(r.Data), r.ErrorType, r.ErrorMessage, r.RetryAfter, r.Malformed}
}

func parse(t *testing.T, payload string) []result {
	t.Helper()
	parsed, err := wire.ParseResults([]byte(payload), nil)
	require.NoError(t, err)
	results := make([]result, len(parsed))
	for i, r := range parsed {
		results[i] = readable(r)
	}
	return results
}

func TestParseResults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		element string
		want    result
	}{
		"success":                 {`{"id":"1","status":"success","data":{"price":2.5}}`, result{id: "1", status: "success", data: `{"price":2.5}`}},
		"failure":                 {`{"id":"1","status":"failure","error":{"type":"Gone","message":"no stock"}}`, result{id: "1", status: "failure", errorType: "Gone", errorMessage: "no stock"}},
		"retry":                   {`{"id":"1","status":"retry","retryAfterMs":200}`, result{id: "1", status: "retry", retryAfter: 200 * time.Millisecond}},
		"only an id":              {`{"id":"1"}`, result{id: "1"}},
		"any order":               {`{"data":1,"status":"success","id":"1"}`, result{id: "1", status: "success", data: "1"}},
		"white space":             {" {\n\t\"id\" : \"1\" ,\r\n \"data\" : [ 1, 2 ] } ", result{id: "1", data: "[ 1, 2 ]"}},
		"unknown members":         {`{"x":[{"id":"2"}],"id":"1","":{},"error2":"e"}`, result{id: "1"}},
		"another case":            {`{"id":"1","Status":"s","DATA":1,"Error":"e","retryafterms":5,"ID":"2"}`, result{id: "1"}},
		"escaped keys":            {`{"\u0069d":"1","st\u0061tus":"success","\u0064\u0061\u0074\u0061":1,"\/data":2}`, result{id: "1", status: "success", data: "1"}},
		"the last counts":         {`{"id":"1","status":"failure","data":1,"error":{"type":"T"},"status":"success","data":2,"error":"e"}`, result{id: "1", status: "success", data: "2", errorMessage: "e"}},
		"empty id":                {`{"id":""}`, result{id: ""}},
		"escaped id":              {`{"id":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, result{id: "a\"\\/\b\f\n\r\té😀"}},
		"half surrogates in id":   {`{"id":"\ud83d|\ude00|\ud83d\u0041|\ud83d\ud83d\ude00|\ud83d\n|\ud83d"}`, result{id: "\uFFFD|\uFFFD|\uFFFDA|\uFFFD😀|\uFFFD\n|\uFFFD"}},
		"status of another word":  {`{"id":"1","status":"SUCCESS"}`, result{id: "1", status: "SUCCESS"}},
		"status escaped":          {`{"id":"1","status":"\u0073uccess"}`, result{id: "1", status: "success"}},
		"status empty":            {`{"id":"1","status":""}`, result{id: "1", status: ""}},
		"status null":             {`{"id":"1","status":"success","status":null}`, result{id: "1"}},
		"status number":           {`{"id":"1","status": 200 }`, result{id: "1", status: "200"}},
		"status array":            {`{"id":"1","status":["success"]}`, result{id: "1", status: `["success"]`}},
		"data null":               {`{"id":"1","data":null}`, result{id: "1", data: "null"}},
		"data with escapes":       {`{"id":"1","data":"\u0041<"}`, result{id: "1", data: `"\u0041<"`}},
		"error string":            {`{"id":"1","error":"it broke \"so\""}`, result{id: "1", errorMessage: `it broke "so"`}},
		"error null":              {`{"id":"1","error":"e","error":null}`, result{id: "1"}},
		"error number":            {`{"id":"1","error":-1.5 }`, result{id: "1", errorMessage: "-1.5"}},
		"error array":             {`{"id":"1","error":["a", 1]}`, result{id: "1", errorMessage: `["a", 1]`}},
		"error of type only":      {`{"id":"1","error":{"type":"T","message":null}}`, result{id: "1", errorType: "T"}},
		"error of message only":   {`{"id":"1","error":{"message":"m","type":5,"x":{}}}`, result{id: "1", errorMessage: "m"}},
		"error of unknown form":   {`{"id":"1","error": {"code":7, "type":null} }`, result{id: "1", errorMessage: `{"code":7, "type":null}`}},
		"error not UTF-8":         {"{\"id\":\"1\",\"error\":\"a\xffb\"}", result{id: "1", errorMessage: "a\uFFFDb"}},
		"error of escaped keys":   {`{"id":"1","error":{"\u0074ype":"T","messag\u0065":"m"}}`, result{id: "1", errorType: "T", errorMessage: "m"}},
		"retry after: fraction":   {`{"id":"1","retryAfterMs":0.5}`, result{id: "1", retryAfter: 500 * time.Microsecond}},
		"retry after: exponent":   {`{"id":"1","retryAfterMs":2E+2}`, result{id: "1", retryAfter: 200 * time.Millisecond}},
		"retry after: negative":   {`{"id":"1","retryAfterMs":-200}`, result{id: "1"}},
		"retry after: minus zero": {`{"id":"1","retryAfterMs":-0}`, result{id: "1"}},
		"retry after: 15 min":     {`{"id":"1","retryAfterMs":900000}`, result{id: "1", retryAfter: 15 * time.Minute}},
		"retry after: too long":   {`{"id":"1","retryAfterMs":900001}`, result{id: "1", retryAfter: 15 * time.Minute}},
		"retry after: infinite":   {`{"id":"1","retryAfterMs":1e999}`, result{id: "1", retryAfter: 15 * time.Minute}},
		"retry after: minus inf":  {`{"id":"1","retryAfterMs":-1e999}`, result{id: "1"}},
		"retry after: string":     {`{"id":"1","retryAfterMs":"200"}`, result{id: "1"}},
		"retry after: null":       {`{"id":"1","retryAfterMs":5,"retryAfterMs":null}`, result{id: "1"}},

		"malformed: number":        {`42`, result{malformed: "not an object"}},
		"malformed: null":          {`null`, result{malformed: "not an object"}},
		"malformed: string":        {`"1"`, result{malformed: "not an object"}},
		"malformed: array":         {`[{"id":"1"}]`, result{malformed: "not an object"}},
		"malformed: no id":         {`{"status":"success","data":1,"error":"e","retryAfterMs":5}`, result{malformed: "no id"}},
		"malformed: empty":         {`{}`, result{malformed: "no id"}},
		"malformed: id number":     {`{"id":1,"status":"success"}`, result{malformed: "id is not a string"}},
		"malformed: id null":       {`{"id":null}`, result{malformed: "id is not a string"}},
		"malformed: id twice":      {`{"id":"1","id":"2","data":1}`, result{malformed: "id given twice"}},
		"malformed: same id twice": {`{"id":"1","\u0069d":"1"}`, result{malformed: "id given twice"}},
		"malformed: one id string": {`{"id":1,"id":"1"}`, result{malformed: "id given twice"}},
		"malformed: id thrice":     {`{"id":"1","id":"1","id":"1"}`, result{malformed: "id given twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tt.want
			if want.malformed != "" {
				want.id = absent
			}
			if want.status == "" && name != "status empty" {
				want.status = absent
			}
			if want.data == "" {
				want.data = absent
			}
			assert.Equal(t, []result{want}, parse(t, `{"results":[`+tt.element+`]}`))

			first, last := result{id: "0", status: absent, data: absent}, result{id: "9", status: absent, data: "9"}
			assert.Equal(t, []result{first, want, last}, parse(t, `{"results":[{"id":"0"},`+tt.element+`,{"id":"9","data":9}]}`),
				"an element harms its neighbours")
		})
	}
}

func TestParseResultsEnvelope(t *testing.T) {
	t.Parallel()
	one := []result{{id: "1", status: absent, data: absent}}
	for doc, want := range map[string][]result{
		`{"results":[]}`:                     {},
		`{"results":[{"id":"1"}]}`:           one,
		`  { "results" : [ {"id":"1"} ] }  `: one,
		`{"\u0072esults":[{"id":"1"}]}`:      one,
		`{"x":{"results":[{"id":"2"}]},"results":[{"id":"1"}],"y":[1,{"z":0}]}`: one,
		`{"Results":1,"results":[{"id":"1"}],"RESULTS":[],"a":1,"a":2}`:         one,
	} {
		assert.Equal(t, want, parse(t, doc), doc)
	}
}

func TestParseResultsError(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]struct {
		err  error
		text string
	}{
		"":                                  {wire.ErrEmpty, "the response is empty"},
		" \r\n\t":                           {wire.ErrEmpty, "the response is empty"},
		"null":                              {wire.ErrNotObject, "the response is not a JSON object but null"},
		" [] ":                              {wire.ErrNotObject, "the response is not a JSON object but an array"},
		`"ok"`:                              {wire.ErrNotObject, "the response is not a JSON object but a string"},
		"true":                              {wire.ErrNotObject, "the response is not a JSON object but a boolean"},
		"false":                             {wire.ErrNotObject, "the response is not a JSON object but a boolean"},
		"-1":                                {wire.ErrNotObject, "the response is not a JSON object but a number"},
		"{}":                                {wire.ErrNoResults, `the response has no "results"`},
		`{"Results":[],"x":{"results":[]}}`: {wire.ErrNoResults, `the response has no "results"`},
		`{"results":null}`:                  {wire.ErrNotArray, `the response's "results" is not an array but null`},
		`{"results":{"id":"1"}}`:            {wire.ErrNotArray, `the response's "results" is not an array but an object`},
		`{"results":[],"results":[]}`:       {wire.ErrResultsTwice, `the response has "results" twice`},
		`{"results":[],"r\u0065sults":1}`:   {wire.ErrResultsTwice, `the response has "results" twice`},
		`{"results":1,"results":[]}`:        {wire.ErrResultsTwice, `the response has "results" twice`},
	} {
		before := []wire.Result{{ID: []byte("0")}}
		results, err := wire.ParseResults([]byte(doc), before)
		require.ErrorIs(t, err, want.err, "%q", doc)
		require.EqualError(t, err, want.text, "%q", doc)
		assert.Equal(t, before, results, "%q", doc)
	}
}

func TestParseResultsSyntaxError(t *testing.T) {
	t.Parallel()
	for doc, offset := range map[string]int{
		"\ufeff{}":                           0,
		"upstream timed out":                 0,
		"<html>":                             0,
		"nul":                                3,
		"nulL":                               3,
		"[1,]":                               3,
		"{":                                  1,
		`{"results":[]`:                      13,
		`{"results":[]}x`:                    14,
		`{"results":[]} {}`:                  15,
		`{"results":[{"id":"1"},]}`:          23,
		`{"results":[{"id":"1",}]}`:          22,
		`{"results":[{"id":"1"}}`:            22,
		`{"results":[{"id":"1" "data":1}]}`:  22,
		`{"results":[{"id","1"}]}`:           17,
		`{"results":[{"id":"\u00x1"}]}`:      23,
		`{"results":[{"id":"\q"}]}`:          20,
		"{\"results\":[{\"id\":\"a\nb\"}]}":  20,
		`{"results":[{"id":"1`:               20,
		`{"results":[{"data":01}]}`:          21,
		`{"results":[{"data":1.}]}`:          22,
		`{"results":[{"data":1e}]}`:          22,
		`{"results":[{"data":-}]}`:           21,
		`{"results":[{"retryAfterMs":-}]}`:   29,
		`{"results":[{"status":success}]}`:   22,
		`{"results":[{"error":{"type":}}]}`:  29,
		`{"results":[{"error":nope}]}`:       22,
		`{"results":1,"results":2,"x"}`:      28,
		`{"results":[{"x":[1,{"y":tru}]}]}`:  28,
		`{"x":` + strings.Repeat("[", 10000): 5 + 9999,
	} {
		_, err := wire.ParseResults([]byte(doc), nil)
		var syntax *wire.SyntaxError
		require.ErrorAs(t, err, &syntax, "%.50q", doc)
		assert.Equal(t, offset, syntax.Offset, "%.50q", doc)
		require.EqualError(t, err, "the response is not JSON from byte "+strconv.Itoa(offset)+" on")
	}
}

func TestParseResultsCutsRawErrors(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`[` + strings.Repeat(`"é",`, 200) + `0]`,
		`["x` + strings.Repeat(`é`, 200) + `"]`,
		`[""` + strings.Repeat(` `, 300) + `]`,
		`{"code":"` + strings.Repeat("\xff", 300) + `"}`,
	} {
		message := parse(t, `{"results":[{"id":"1","error":`+value+`}]}`)[0].errorMessage
		assert.LessOrEqual(t, len(message), 256)
		assert.Greater(t, len(message), 256-utf8.UTFMax)
		assert.True(t, strings.HasPrefix(asJSON(value), message), "%q", message)
	}
	long := strings.Repeat("long ", 1000)
	assert.Equal(t, long, parse(t, `{"results":[{"id":"1","error":"`+long+`"}]}`)[0].errorMessage, "a function's own words stay whole")
}

func TestParseResultsAliasesPayload(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"results":[{"id":"1","status":"success","data":[1]}]}`)
	results, err := wire.ParseResults(payload, nil)
	require.NoError(t, err)
	for i := range payload {
		payload[i] = '#'
	}
	assert.Equal(t, "# ####### ###", string(results[0].ID)+" "+string(results[0].Status)+" "+string(results[0].Data))
	_, _ = append(results[0].ID, 'x'), append(results[0].Data, 'x')
	assert.NotContains(t, string(payload), "x", "to append to a result must not write into the payload")
}

func TestParseResultsAppends(t *testing.T) {
	t.Parallel()
	results, err := wire.ParseResults([]byte(`{"results":[{"id":"1"}]}`), nil)
	require.NoError(t, err)
	results, err = wire.ParseResults([]byte(`{"results":[{"id":"2"},3]}`), results)
	require.NoError(t, err)
	require.Len(t, results, 3)
	assert.Equal(t, "12", string(results[0].ID)+string(results[1].ID))
	assert.NotEmpty(t, results[2].Malformed)

	results, err = wire.ParseResults([]byte(`{"results":[{"id":"4"}]}`), results[:0])
	require.NoError(t, err)
	assert.Equal(t, []wire.Result{{ID: []byte("4")}}, results, "nothing of a reused element may stay")
}

func TestParseResultsAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts what others allocate
	payload := document(20)
	payload = bytes.Replace(payload, []byte(`"success"`), []byte(`"retry","retryAfterMs":12.5`), 3)
	results := make([]wire.Result, 0, 20)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		var err error
		results, err = wire.ParseResults(payload, results[:0])
		if err != nil || len(results) != 20 {
			panic("cannot happen")
		}
	}))
}

func FuzzParseResults(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
		f.Add([]byte(`{"results":[` + doc + `]}`))
		for _, key := range []string{"id", "status", "data", "error", "retryAfterMs", "x"} {
			f.Add([]byte(`{"results":[{"id":"1","` + key + `":` + doc + `}]}`))
		}
		f.Add([]byte(`{"results":[{"id":"1","error":{"type":` + doc + `,"message":"m"}}]}`))
	}
	f.Add([]byte(`{"results":[],"\u0072esults":[]}`))
	f.Add([]byte(`{"results":[{"id":"` + strings.Repeat("é", 200) + `","error":["` + strings.Repeat("é\xff", 200) + `"]}]}`))
	f.Add(document(3))
	f.Fuzz(func(t *testing.T, payload []byte) {
		results, err := wire.ParseResults(payload, nil)
		want, wantErr := reference(payload)
		if !json.Valid(payload) && len(bytes.Trim(payload, " \t\r\n")) > 0 {
			var syntax *wire.SyntaxError
			require.ErrorAs(t, err, &syntax)
			requireOffset(t, payload, syntax.Offset)
		} else {
			require.ErrorIs(t, err, wantErr)
		}
		require.Len(t, results, len(want))
		for i := range want {
			require.Equal(t, want[i], readable(results[i]))
		}
	})
}

// requireOffset makes sure that payload is broken at offset and not before.
func requireOffset(t *testing.T, payload []byte, offset int) {
	t.Helper()
	require.True(t, mayGoOn(payload[:offset]), "%q", payload[:offset])
	if offset < len(payload) {
		require.False(t, mayGoOn(payload[:offset+1]), "%q", payload[:offset+1])
	}
}

// mayGoOn reports whether data is the beginning of a JSON document.
func mayGoOn(data []byte) bool {
	d := json.NewDecoder(bytes.NewReader(data))
	err := d.Decode(new(json.RawMessage))
	if err == nil {
		err = d.Decode(new(json.RawMessage)) // nothing may follow
		return errors.Is(err, io.EOF)
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// reference does what ParseResults does by means of encoding/json.
func reference(payload []byte) ([]result, error) {
	if len(bytes.Trim(payload, " \t\r\n")) == 0 {
		return nil, wire.ErrEmpty
	}
	if !json.Valid(payload) {
		return nil, errors.New("not JSON")
	}
	top, ok := members(payload)
	if !ok {
		return nil, wire.ErrNotObject
	}
	switch values := top["results"]; len(values) {
	case 0:
		return nil, wire.ErrNoResults
	case 1:
		var elements []json.RawMessage
		if values[0][0] != '[' || json.Unmarshal([]byte(values[0]), &elements) != nil {
			return nil, wire.ErrNotArray
		}
		var results []result
		for _, element := range elements {
			results = append(results, referenceResult(element))
		}
		return results, nil
	}
	return nil, wire.ErrResultsTwice
}

func referenceResult(element []byte) result {
	malformed := func(why string) result {
		return result{id: absent, status: absent, data: absent, malformed: why}
	}
	fields, ok := members(element)
	if !ok {
		return malformed("not an object")
	}
	if n := len(fields["id"]); n == 0 {
		return malformed("no id")
	} else if n > 1 {
		return malformed("id given twice")
	}
	r := result{status: absent, data: absent}
	if r.id, ok = asString(fields["id"][0]); !ok {
		return malformed("id is not a string")
	}
	last := func(key string) string {
		if values := fields[key]; len(values) > 0 {
			return values[len(values)-1]
		}
		return ""
	}
	if status := last("status"); status != "" && status != "null" {
		if r.status, ok = asString(status); !ok {
			r.status = asJSON(status)
		}
	}
	if data := last("data"); data != "" {
		r.data = asJSON(data)
	}
	if raw := last("error"); raw != "" && raw != "null" {
		r.errorType, r.errorMessage = referenceError(raw)
	}
	var ms json.Number
	if raw := last("retryAfterMs"); raw != "" && raw[0] != '"' && json.Unmarshal([]byte(raw), &ms) == nil {
		f, _ := ms.Float64()
		switch {
		case f > 900_000:
			r.retryAfter = 15 * time.Minute
		case f > 0:
			r.retryAfter = time.Duration(f * 1e6)
		}
	}
	return r
}

func referenceError(raw string) (typ, message string) {
	if message, ok := asString(raw); ok {
		return "", message
	}
	fields, _ := members([]byte(raw))
	known := false
	for key, text := range map[string]*string{"type": &typ, "message": &message} {
		if values := fields[key]; len(values) > 0 {
			var ok bool
			*text, ok = asString(values[len(values)-1])
			known = known || ok
		}
	}
	if known {
		return typ, message
	}
	message = ""
	for _, r := range raw { // as many whole characters as fit
		if len(message)+utf8.RuneLen(r) > 256 {
			break
		}
		message += string(r)
	}
	return "", message
}

// members returns the raw values of each key of an object.
func members(object []byte) (values map[string][]string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	if opening, err := d.Token(); err != nil || opening != json.Delim('{') {
		return nil, false
	}
	values = make(map[string][]string)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			panic(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			panic(err)
		}
		values[key.(string)] = append(values[key.(string)], trim(string(value)))
	}
	if _, err := d.Token(); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return values, true
}

func asString(raw string) (text string, ok bool) {
	return text, raw[0] == '"' && json.Unmarshal([]byte(raw), &text) == nil
}
