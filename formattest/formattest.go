// Package formattest checks implementations of lambdabatch.Format.
package formattest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// Fate is what a function is to make of a record.
type Fate string

// What a record can ask for.
const (
	Succeed Fate = "succeed" // a success; its value, if the format has one, is the record's data
	Fail    Fate = "fail"    // a failure for good
	Retry   Fate = "retry"   // to be sent again, for ever
	Omit    Fate = "omit"    // no result at all
)

// NoValues is for formats whose successes have no value, in the place of a Fate.
const NoValues Fate = "no values"

// Record is the data of the records that Run sends.
type Record struct {
	N  int  `json:"n"` // tells it from the others
	Do Fate `json:"do"`
}

// Run checks f by calling function with it, a toy that understands its requests and
// answers each [Record] with what it asks for. Not every format can say everything:
// fates are those, beside Succeed, that this one can; NoValues among them says that a
// success has no value in it. function gets batches of any size and order, and is called
// concurrently.
func Run(t *testing.T, f lambdabatch.Format, function func(payload []byte) ([]byte, error), fates ...Fate) {
	t.Helper()
	if f == nil || function == nil {
		t.Fatal("formattest.Run: the Format and the function must not be nil")
	}
	withValues := true
	for _, fate := range fates {
		switch fate {
		case Succeed, Fail, Retry, Omit:
		case NoValues:
			withValues = false
		default:
			t.Fatalf("formattest.Run: fate %q: must be Fail, Retry, Omit or NoValues", fate)
		}
	}
	fates = slices.DeleteFunc(slices.Clone(fates), func(fate Fate) bool { return fate == NoValues })
	f = &watched{f, t}
	t.Run("request", func(t *testing.T) { testRequest(t, f) })
	t.Run("records keep their bytes", func(t *testing.T) { testAppend(t, f) })
	t.Run("outcomes", func(t *testing.T) { testOutcomes(t, f, function, append(fates, Succeed), withValues) })
	t.Run("odd IDs", func(t *testing.T) { testIDs(t, f, function) })
	t.Run("payload limit", func(t *testing.T) { testLimit(t, f, function) })
	t.Run("nonsense", func(t *testing.T) { testNonsense(t, f, function) })
}

// watched is a Format under observation.
type watched struct {
	lambdabatch.Format
	t *testing.T
}

func (w *watched) ReadResponse(payload []byte, results *lambdabatch.Results) error {
	before := bytes.Clone(payload)
	err := w.Format.ReadResponse(payload, results)
	if !bytes.Equal(before, payload) {
		w.t.Errorf("ReadResponse has changed the payload %s to %s", before, payload)
	}
	return err
}

// testRequest looks at requests as f makes them.
func testRequest(t *testing.T, f lambdabatch.Format) {
	t.Helper()
	opening, separator, closing := f.Envelope()
	if o, s, c := f.Envelope(); o != opening || s != separator || c != closing {
		t.Errorf("Envelope is not the same each time")
	}
	request := []byte(opening)
	for i := range 3 {
		if i > 0 {
			request = append(request, separator...)
		}
		var err error
		if request, err = f.AppendRecord(request, fmt.Sprint("id ", i), json.RawMessage(`{"n":1}`)); err != nil {
			t.Fatalf("AppendRecord: %v", err)
		}
		whole := append(bytes.Clone(request), closing...)
		if !json.Valid(whole) {
			t.Errorf("a request of %d records is not JSON, which Lambda wants: %s", i+1, whole)
		}
	}
}

// testAppend checks that AppendRecord appends, and touches nothing else.
func testAppend(t *testing.T, f lambdabatch.Format) {
	t.Helper()
	for _, data := range []string{`null`, `"text <&> \u0041 \n"`, ` [1, {"a":"}],"}] `, `-1.5e3`, `{"n":1}`} {
		given := json.RawMessage(data)
		fresh, err := f.AppendRecord(nil, "id", given)
		if err != nil {
			continue // a format may refuse what it has no place for
		}
		behind, err := f.AppendRecord([]byte("before"), "id", given)
		if err != nil || !bytes.HasPrefix(behind, []byte("before")) {
			t.Errorf("AppendRecord(dst, %s) does not keep what is in dst (error %v)", data, err)
		}
		if len(behind) != len("before")+len(fresh) {
			t.Errorf("AppendRecord(dst, %s) appends %d bytes to something and %d to nothing", data, len(behind)-len("before"), len(fresh))
		}
		if string(given) != data {
			t.Errorf("AppendRecord has changed its data %s to %s", data, given)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if _, err := f.AppendRecord(nil, "id", json.RawMessage(`{"n":1}`)); err != nil {
					t.Errorf("AppendRecord: %v", err)
				}
			}
		})
	}
	all.Wait()
}

// bench is a Batcher with f in front of the function.
type bench struct {
	service *lambdatest.Service
	*lambdabatch.Batcher[json.RawMessage, json.RawMessage]
}

func newBench(t *testing.T, f lambdabatch.Format, function func([]byte) ([]byte, error), opts ...lambdabatch.Option) bench {
	t.Helper()
	s := lambdatest.New()
	t.Cleanup(s.Close)
	s.Handle("function", func(_ context.Context, payload []byte) ([]byte, error) { return function(payload) })
	limiter, err := lambdabatch.NewLimiter(lambdabatch.Fixed())
	if err != nil {
		t.Fatal(err)
	}
	opts = append([]lambdabatch.Option{
		lambdabatch.WithFormat(f), lambdabatch.WithLimiter(limiter), lambdabatch.WithMaxAttempts(3), lambdabatch.WithMaxRecords(10),
		lambdabatch.WithBackoff(func() backoff.BackOff { return &backoff.ZeroBackOff{} }),
	}, opts...)
	b, err := lambdabatch.New[json.RawMessage, json.RawMessage](s.Client(), "function", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return bench{s, b}
}

type submitted struct {
	Record
	*lambdabatch.Future[json.RawMessage]
}

func (b bench) submit(t *testing.T, n int, do Fate, opts ...lambdabatch.RecordOption) submitted {
	t.Helper()
	r := Record{n, do}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return submitted{r, b.Submit(t.Context(), data, opts...)}
}

// check compares what came of a record with what it asked for.
func (s submitted) check(t *testing.T) {
	t.Helper()
	value, err := s.Await(t.Context())
	attempts := len(s.Attempts())
	var refused *lambdabatch.RecordError
	switch s.Do { //nolint:exhaustive // NoValues is no fate of a record
	case Succeed:
		var said Record
		switch {
		case err != nil:
			t.Errorf("record %d asked for a success and has the error: %v", s.N, err)
		case value == nil: // a format without values
		case json.Unmarshal(value, &said) != nil || said != s.Record:
			t.Errorf("record %d has the value of another: %s", s.N, value)
		}
	case Fail:
		if err == nil || attempts != 1 {
			t.Errorf("record %d asked for a failure for good; it has the error %v after %d attempts", s.N, err, attempts)
		}
	case Retry:
		if err == nil || attempts != 3 {
			t.Errorf("record %d asked to be sent again; it has the error %v after %d attempts", s.N, err, attempts)
		}
		if errors.As(err, &refused) && !refused.Retryable {
			t.Errorf("record %d asked to be sent again, but its RecordError is not Retryable", s.N)
		}
	case Omit:
		if !errors.Is(err, lambdabatch.ErrNoResult) {
			t.Errorf("record %d has no result, but the error: %v", s.N, err)
		}
	}
}

// testOutcomes sends records that ask for all that there is.
func testOutcomes(t *testing.T, f lambdabatch.Format, function func([]byte) ([]byte, error), fates []Fate, withValues bool) {
	t.Helper()
	b := newBench(t, f, function)
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]submitted, 0, 500)
	for n := range cap(all) {
		all = append(all, b.submit(t, n, fates[random.IntN(len(fates))]))
	}
	for _, s := range all {
		s.check(t)
		value, err := s.Await(t.Context())
		if err == nil && withValues != (value != nil) {
			t.Errorf("record %d has succeeded with the value %q; say NoValues if the format has none", s.N, value)
		}
	}
}

// testIDs sends records with IDs that are not easy to write.
func testIDs(t *testing.T, f lambdabatch.Format, function func([]byte) ([]byte, error)) {
	t.Helper()
	b := newBench(t, f, function)
	ids := []string{`"`, `\`, `\"`, `<&>`, "\n\t\x00\x7f", "é\u2028😀", strings.Repeat("x", 300), " ", "1", "01", `{"id":"1"}`}
	all := make([]submitted, 0, len(ids))
	for n, id := range ids {
		s := b.submit(t, n, Succeed, lambdabatch.ID(id))
		select {
		case <-s.Done():
			if _, err := s.Await(t.Context()); err != nil && len(s.Attempts()) == 0 {
				continue // refused: a format may know IDs that it cannot carry
			}
		case <-time.After(0):
		}
		all = append(all, s)
	}
	for _, s := range all {
		s.check(t)
	}
}

// testLimit checks that requests are as large as the Batcher takes them to be.
func testLimit(t *testing.T, f lambdabatch.Format, function func([]byte) ([]byte, error)) {
	t.Helper()
	const limit = 1000
	b := newBench(t, f, function, lambdabatch.WithMaxBytes(limit), lambdabatch.WithMaxRecords(1000))
	all := make([]submitted, 0, 200)
	for n := range cap(all) {
		all = append(all, b.submit(t, n, Succeed))
	}
	for _, s := range all {
		s.check(t)
	}
	for _, i := range b.service.Invocations() {
		if len(i.Payload) > limit {
			t.Errorf("a request has %d bytes, the limit was %d", len(i.Payload), limit)
		}
	}
}

// testNonsense answers with what no function should say, but some will.
func testNonsense(t *testing.T, f lambdabatch.Format, function func([]byte) ([]byte, error)) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	spoilt := func(payload []byte) ([]byte, error) {
		response, err := function(payload)
		if err != nil {
			return nil, err
		}
		response = bytes.Clone(response)
		switch n := random.IntN(7); {
		case n == 6 && json.Valid(response):
			return thinned(random, response), nil
		case n == 0 || len(response) == 0:
			return []byte([]string{``, `null`, `{}`, `[]`, `"text"`, `7`, `{"a":`, "\xff", `[[]]`, `[{}]`, `{"results":[{}]}`}[random.IntN(11)]), nil
		case n == 1:
			return response[:random.IntN(len(response))], nil
		case n == 2:
			return append(response, response...), nil
		default:
			response[random.IntN(len(response))] = "\x00 \"\\,:[]{}0aé"[random.IntN(14)]
			return response, nil
		}
	}
	b := newBench(t, f, spoilt, lambdabatch.WithMaxRecords(3), lambdabatch.WithMaxAttempts(1))
	b.service.Fault(lambdatest.Respond(nil), lambdatest.Count(1)) // nothing at all
	for n := range 2000 {
		one, other := b.submit(t, n, Succeed), b.submit(t, -n, Succeed)
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range []submitted{one, other} {
			if _, err := s.Await(t.Context()); err != nil {
				var panicked *lambdabatch.PanicError
				if errors.As(err, &panicked) {
					t.Fatalf("ReadResponse panicked: %v", err)
				}
			}
		}
	}
}

// thinned is a JSON document without one of its values, or with another one in its place.
func thinned(random *rand.Rand, document []byte) []byte {
	var root any
	if json.Unmarshal(document, &root) != nil {
		return document
	}
	values := 0
	var walk func(v any, at int) any
	walk = func(v any, at int) any {
		values++
		if values == at {
			return []any{nil, 7, "text", []any{}, map[string]any{}}[random.IntN(5)]
		}
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = walk(v[i], at)
			}
			if len(v) > 1 && random.IntN(8) == 0 && at > 0 {
				return v[1:]
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				v[key] = walk(v[key], at)
				if random.IntN(16) == 0 && at > 0 {
					delete(v, key)
				}
			}
		}
		return v
	}
	walk(root, 0)
	at := 1 + random.IntN(values)
	values = 0
	changed, err := json.Marshal(walk(root, at))
	if err != nil {
		return document
	}
	return changed
}
