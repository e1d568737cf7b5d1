package lambdabatch_test

import (
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// aLetter is a letter with all there can be.
func aLetter() lambdabatch.DeadLetter {
	return lambdabatch.DeadLetter{
		Function:  "price-orders:live",
		Tenant:    "blue",
		Key:       "customer 7",
		ID:        "A-17",
		Payload:   json.RawMessage(`{"item":"tea","count":3}`),
		Err:       errors.New("no <tea> & no \"milk\"\nleft"),
		Certainty: lambdabatch.Executed,
		Attempts: []lambdabatch.Attempt{
			{RequestID: "r1", BatchSize: 20, Wait: 12*time.Millisecond + 5, Duration: 90 * time.Second, Certainty: lambdabatch.Executed, Err: errors.New("one")},
			{Wait: time.Hour, Err: errors.New("")},
			{RequestID: "r3", BatchSize: 1, Duration: math.MaxInt64, Certainty: lambdabatch.NotExecuted},
		},
		Submitted: time.Date(2026, 11, 22, 5, 0, 0, 1, time.FixedZone("", -5*3600)),
		Ended:     time.Date(2026, 11, 22, 11, 0, 9, 500_000_000, time.FixedZone("", 3600)),
	}
}

func TestDeadLetterJSON(t *testing.T) {
	t.Parallel()
	line, err := aLetter().MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"function":"price-orders:live","tenant":"blue","orderingKey":"customer 7","id":"A-17","error":"no <tea> & no \"milk\"\nleft","certainty":"executed",`+
		`"submitted":"2026-11-22T10:00:00.000000001Z","ended":"2026-11-22T10:00:09.5Z","attempts":[`+
		`{"requestId":"r1","batchSize":20,"wait":"12.000005ms","duration":"1m30s","certainty":"executed","error":"one"},`+
		`{"wait":"1h0m0s","certainty":"maybe executed","error":""},`+
		`{"requestId":"r3","batchSize":1,"duration":"2562047h47m16.854775807s","certainty":"not executed"}],`+
		`"payload":{"item":"tea","count":3}}`, string(line))

	line, err = json.Marshal(lambdabatch.DeadLetter{})
	require.NoError(t, err)
	assert.Equal(t, `{"certainty":"maybe executed"}`, string(line))
}

// sameLetter compares the letters: of errors the text, of times the instant.
func sameLetter(t *testing.T, want, got lambdabatch.DeadLetter) {
	t.Helper()
	assert.True(t, want.Submitted.Equal(got.Submitted), "%v, %v", want.Submitted, got.Submitted)
	assert.True(t, want.Ended.Equal(got.Ended), "%v, %v", want.Ended, got.Ended)
	want.Submitted, want.Ended = got.Submitted, got.Ended
	assert.Equal(t, want, got)
}

func TestDeadLetterRoundTrip(t *testing.T) {
	t.Parallel()
	with := func(payload string) lambdabatch.DeadLetter {
		letter := aLetter()
		letter.Payload = json.RawMessage(payload)
		return letter
	}
	tests := map[string]lambdabatch.DeadLetter{
		"zero":          {},
		"all":           aLetter(),
		"null":          with(`null`),
		"no HTML":       with(`"<b>&amp;</b>` + "\u2028" + `"`),
		"white space":   with(" \t[1.0,  1e+400, -0 , {\"a\" : \"\\u0061\\n\", \"a\":2 } ]\t"),
		"invalid UTF-8": with("\"\xff\xc3\""),
		"huge":          with(`"` + strings.Repeat(`x<\"`, 6<<20/4) + `"`),
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, err := want.MarshalJSON()
			require.NoError(t, err)
			assert.NotContains(t, string(line), "\n")
			var got lambdabatch.DeadLetter
			require.NoError(t, json.Unmarshal(line, &got))
			want.Payload = json.RawMessage(strings.Trim(string(want.Payload), " \t"))
			if len(want.Payload) == 0 {
				want.Payload = nil
			}
			sameLetter(t, want, got)
		})
	}
}

func TestDeadLetterPayloadOnOneLine(t *testing.T) {
	t.Parallel()
	letter := lambdabatch.DeadLetter{Payload: json.RawMessage("{\n  \"a\":\r\n \"\\n\"}")}
	line, err := letter.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"certainty":"maybe executed","payload":{   "a":   "\n"}}`, string(line))
	assert.Contains(t, string(letter.Payload), "\n", "the caller's is as it was")
}

func TestDeadLetterRefusesPayload(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	require.True(t, json.Valid([]byte(deep)))
	for _, payload := range []string{` `, `{`, `1,"id":"x"`, `1}{`, "\"\n\"", deep} {
		_, err := lambdabatch.DeadLetter{Payload: json.RawMessage(payload)}.MarshalJSON()
		assert.EqualError(t, err, "the payload is not valid JSON", "%.20s", payload)
	}
}

func TestDeadLetterIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{"id":"1","payload":{}}`, `[]`, `"x"`, `7`, `{"certainty":"perhaps"}`, `{"certainty":1}`,
		`{"certainty":"executed","attempts":[{}]}`, `{"certainty":"executed","attempts":[{"certainty":"executed","wait":"5"}]}`,
		`{"certainty":"executed","submitted":"yesterday"}`,
	} {
		letter := aLetter()
		require.ErrorContains(t, json.Unmarshal([]byte(text), &letter), "reading a dead letter", text)
		sameLetter(t, aLetter(), letter)
	}
	letter := aLetter()
	require.NoError(t, json.Unmarshal([]byte(`null`), &letter))
	sameLetter(t, aLetter(), letter)
}

// A Batcher gives the letters of a batch to its file at once, and what it reads
// there it can send again.
func TestDeadLettersInFile(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.TenantIsolation())
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := lambdabatch.FileDeadLetters(path)
	require.NoError(t, err)
	b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(100), lambdabatch.WithDeadLetter(file.Add))
	refused := s.Fault(lambdatest.Status(403, "AccessDeniedException", "no <permission>"))
	submitted := texts(100)
	var errs []string
	var futures []*lambdabatch.Future[string]
	for n, text := range submitted {
		futures = append(futures, b.Submit(t.Context(), text, lambdabatch.ID(strconv.Itoa(n)), lambdabatch.Tenant("blue")))
	}
	for _, f := range futures {
		_, err := f.Await(t.Context())
		require.Error(t, err)
		errs = append(errs, err.Error())
	}
	require.NoError(t, b.Close())
	require.NoError(t, file.Close())
	refused.Remove()

	letters, skipped, err := lambdabatch.ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	require.Len(t, letters, 100)
	again, err := lambdabatch.New[json.RawMessage, string](s.Client(), upper)
	require.NoError(t, err)
	defer again.Close()
	want := make(map[*lambdabatch.Future[string]]string)
	for _, letter := range letters {
		n, err := strconv.Atoi(letter.ID)
		require.NoError(t, err)
		assert.EqualError(t, letter.Err, errs[n])
		assert.Equal(t, lambdabatch.NotExecuted, letter.Certainty)
		assert.Len(t, letter.Attempts, 1)
		sent := again.Submit(t.Context(), letter.Payload, lambdabatch.ID(letter.ID), lambdabatch.Tenant(letter.Tenant))
		want[sent] = strings.ToUpper(submitted[n])
	}
	for f, value := range want {
		got, err := f.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, value, got)
	}
}
