package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// answers submits records of the IDs a, b and c in one batch to a function that
// answers payload, and returns their values and errors.
func answers(t *testing.T, payload string) (vals map[string]string, errs map[string]error) {
	t.Helper()
	s := newService(t)
	s.Fault(lambdatest.Respond([]byte(payload)))
	// A batch of which the function failed is not split.
	b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(3), lambdabatch.WithRetryUncertain(false))
	futures := map[string]*lambdabatch.Future[string]{}
	for _, id := range []string{"a", "b", "c"} {
		futures[id] = b.Submit(t.Context(), "text "+id, lambdabatch.ID(id))
	}
	vals, errs = map[string]string{}, map[string]error{}
	for id, f := range futures {
		val, err := f.Await(t.Context())
		if err != nil {
			errs[id] = err
		} else {
			vals[id] = val
		}
	}
	assert.Len(t, s.Invocations(), 1, "nothing is sent again")
	return vals, errs
}

const (
	goodA = `{"id":"a","status":"success","data":"A"}`
	goodB = `{"id":"b","status":"success","data":"B"}`
	goodC = `{"id":"c","status":"success","data":"C"}`
)

// What a response does not say, or not clearly, is an error of the records
// concerned, and of no other.
func TestUnusableResults(t *testing.T) {
	t.Parallel()
	all := []string{"a", "b", "c"}
	long := strings.Repeat(" ", 100) + strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		payload string
		failed  []string
		says    string // in each of their errors
	}{
		"missing":            {`{"results":[` + goodA + `,` + goodC + `]}`, []string{"b"}, "no result of this ID"},
		"doubled":            {`{"results":[` + goodA + `,` + goodB + `,` + goodC + `,` + goodB + `]}`, []string{"b"}, "2 results of this ID"},
		"unknown":            {`{"results":[` + goodA + `,{"id":"z","status":"success","data":"Z"},` + goodC + `]}`, []string{"b"}, "no result of this ID"},
		"too long":           {`{"results":[` + goodA + `,` + goodB + `,` + goodC + `,{"id":"d","status":"success","data":"D"},{"id":"e"}]}`, nil, ""},
		"other order":        {`{"results":[` + goodC + `,` + goodA + `,` + goodB + `]}`, nil, ""},
		"element not for us": {`{"results":[null,7,` + goodA + `,{"status":"success"},{"id":5},` + goodC + `]}`, []string{"b"}, "no result of this ID"},
		"null":               {`null`, all, `the answer begins "null"`},
		"empty object":       {`{}`, all, `has no "results"; the answer begins "{}"`},
		"empty body":         {``, all, "the answer is empty"},
		"empty list":         {`{"results":[]}`, all, `the answer begins "{\"results\":[]}"`},
		"list is an object":  {`{"results":{}}`, all, "is not an array"},
		"plain text":         {`all is well`, all, `is not JSON from byte 0 on; the answer begins "all is well"`},
		"cut":                {`{"results":[` + goodA + `,` + goodB, all, "is not JSON"},
		"trailing garbage":   {`{"results":[` + goodA + `,` + goodB + `,` + goodC + `]}]`, all, "is not JSON"},
		"a string":           {`"ok"`, all, "is not a JSON object but a string"},
		"long":               {long, all, "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				vals, errs := answers(t, test.payload)
				for _, id := range all {
					err, failed := errs[id]
					if !failed {
						assert.Equal(t, strings.ToUpper(id), vals[id])
						assert.NotContains(t, test.failed, id)
						continue
					}
					assert.Contains(t, test.failed, id)
					require.ErrorIs(t, err, lambdabatch.ErrNoResult)
					var result *lambdabatch.ResultError
					require.ErrorAs(t, err, &result)
					assert.Equal(t, id, result.ID)
					assert.Equal(t, test.payload[:min(256, len(test.payload))], string(result.Payload))
					assert.NotEmpty(t, result.RequestID)
					assert.Contains(t, err.Error(), test.says)
					assert.Less(t, len(err.Error()), 400)
					assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
				}
			})
		})
	}
}

// A function that failed is one that failed, also where the header that says so
// has been lost on the way.
func TestErrorObjectWithoutTheHeader(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		payload string
		kind    lambdabatch.FunctionErrorKind
	}{
		"error object": {`{"errorMessage":"boom","errorType":"errorString"}`, lambdabatch.KindUnhandled},
		"timeout text": {`2026-01-02T03:04:05Z 1b2c Task timed out after 2.00 seconds`, lambdabatch.KindTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				vals, errs := answers(t, test.payload)
				assert.Empty(t, vals)
				assert.Len(t, errs, 3)
				for _, err := range errs {
					var failed *lambdabatch.FunctionError
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, test.kind, failed.Kind)
				}
			})
		})
	}
	t.Run("results count more", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			vals, errs := answers(t, `{"errorMessage":"none","results":[`+goodA+`,`+goodB+`,`+goodC+`]}`)
			assert.Len(t, vals, 3)
			assert.Empty(t, errs)
		})
	})
}

func TestFunctionError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect lambdatest.Effect
		kind   lambdabatch.FunctionErrorKind
		typ    string
	}{
		"unhandled":          {lambdatest.Unhandled("ValueError", "boom"), lambdabatch.KindUnhandled, "ValueError"},
		"handled":            {lambdatest.Handled("ValueError", "boom"), lambdabatch.KindHandled, "ValueError"},
		"timeout":            {lambdatest.TimedOut(), lambdabatch.KindTimeout, "Sandbox.Timedout"},
		"out of memory":      {lambdatest.OutOfMemory(), lambdabatch.KindOutOfMemory, ""},
		"exited":             {lambdatest.Exited(), lambdabatch.KindExited, "Runtime.ExitError"},
		"response too large": {lambdatest.ResponseTooLarge(), lambdabatch.KindResponseTooLarge, "Function.ResponseSizeTooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(test.effect)
				b := newBatcher(t, s.Client(), lambdabatch.WithLogTail())
				_, err := b.Do(t.Context(), "a")
				var failed *lambdabatch.FunctionError
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, test.kind, failed.Kind)
				assert.Equal(t, upper, failed.Function)
				assert.NotEmpty(t, failed.RequestID)
				assert.NotEmpty(t, failed.Message)
				assert.Contains(t, failed.Log, "REPORT RequestId")
				if test.typ != "" {
					assert.Equal(t, test.typ, failed.Type)
				}
				assert.Contains(t, err.Error(), test.kind.String())
				assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
				assert.Len(t, s.Invocations(), 1)
			})
		})
	}
}

func TestRecordErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		vals, errs := answers(t, `{"results":[
			{"id":"a","status":"failure","error":{"type":"NoStock","message":"sold out"}},
			{"id":"b","status":"failure","error":"plain","retryAfterMs":5000},
			{"id":"c","status":"Succeeded","data":1}]}`)
		assert.Empty(t, vals)
		for id, want := range map[string]lambdabatch.RecordError{
			"a": {ID: "a", Status: "failure", Type: "NoStock", Message: "sold out"},
			"b": {ID: "b", Status: "failure", Message: "plain"},
			"c": {ID: "c", Status: "Succeeded"},
		} {
			var refused *lambdabatch.RecordError
			require.ErrorAs(t, errs[id], &refused)
			assert.Equal(t, want, *refused)
			assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(errs[id]))
		}
		assert.EqualError(t, errs["a"], `lambdabatch: record a: the function answered "failure": NoStock: sold out`)
	})
}

func TestDataThatDoesNotFit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, errs := answers(t, `{"results":[`+goodA+`,{"id":"b","status":"success","data":{"x":1}},`+goodC+`]}`)
		assert.Len(t, errs, 1)
		var result *lambdabatch.ResultError
		require.ErrorAs(t, errs["b"], &result)
		var mismatch *json.UnmarshalTypeError
		require.ErrorAs(t, errs["b"], &mismatch)
		assert.Equal(t, `{"x":1}`, string(result.Payload))
		assert.NotErrorIs(t, errs["b"], lambdabatch.ErrNoResult)
		assert.ErrorContains(t, errs["b"], "record b: its data is not of the type asked for: json: cannot unmarshal")
		assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(errs["b"]))
	})
}

func TestDataThatDoesNotFitIsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := lambdabatch.New[string, int](newService(t).Client(), upper)
		require.NoError(t, err)
		f := b.Submit(t.Context(), "a")
		_, err = f.Await(t.Context())
		require.Error(t, err)
		require.NoError(t, b.Close())
		assert.Equal(t, uint64(1), b.Stats().Failed)
		assert.Zero(t, b.Stats().Succeeded)
		assert.Equal(t, err, f.Attempts()[0].Err)
	})
}

func TestSuccessWithoutData(t *testing.T) {
	bubble(t, func(t *testing.T) {
		vals, errs := answers(t, `{"results":[{"id":"a","status":"success"},{"id":"b","status":"success","data":null},`+goodC+`]}`)
		assert.Empty(t, errs)
		assert.Equal(t, map[string]string{"a": "", "b": "", "c": "C"}, vals)
	})
}

func TestEvent(t *testing.T) {
	t.Parallel()
	t.Run("accepted", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, 2*time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithInvocationType(types.InvocationTypeEvent))
			f := b.Submit(t.Context(), "a")
			got, err := f.Await(t.Context())
			require.NoError(t, err)
			assert.Empty(t, got, "there are no results")
			assert.Equal(t, 10*time.Millisecond, time.Since(start), "the function has not run yet")
			assert.Equal(t, lambdabatch.MaybeExecuted, f.Attempts()[0].Certainty)
			s.Wait()
			assert.Equal(t, types.InvocationTypeEvent, s.Invocations()[0].Type)
		})
	})
	t.Run("limit", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b := newBatcher(t, s.Client(), lambdabatch.WithInvocationType(types.InvocationTypeEvent))
			_, err := b.Do(t.Context(), strings.Repeat("x", 1<<20-33), lambdabatch.ID("1"))
			require.ErrorIs(t, err, lambdabatch.ErrRecordTooLarge)
			assert.ErrorContains(t, err, "1048577")
			assert.ErrorContains(t, err, "1048576")
			_, err = b.Do(t.Context(), strings.Repeat("x", 1<<20-34), lambdabatch.ID("1"))
			require.NoError(t, err)
			assert.Len(t, s.Invocations()[0].Payload, 1<<20)
			s.Wait()
		})
	})
	t.Run("run by an emulator", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			b := newBatcher(t, invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) {
				return &lambda.InvokeOutput{StatusCode: 200, Payload: []byte(`{"errorMessage":"boom"}`)}, nil
			}), lambdabatch.WithInvocationType(types.InvocationTypeEvent))
			_, err := b.Do(t.Context(), "a")
			var failed *lambdabatch.FunctionError
			require.ErrorAs(t, err, &failed)
		})
	})
}

func TestPayloadLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, func(context.Context, []byte) ([]byte, error) {
			return []byte(`{"results":[{"id":"1","status":"success"}]}`), nil
		})
		b := newBatcher(t, s.Client())
		_, err := b.Do(t.Context(), strings.Repeat("x", 6<<20-33), lambdabatch.ID("1"))
		require.ErrorIs(t, err, lambdabatch.ErrRecordTooLarge)
		assert.ErrorContains(t, err, "6291457")
		assert.ErrorContains(t, err, "6291456")
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		assert.Empty(t, s.Invocations())

		// The largest that fits is taken by Lambda, too.
		_, err = b.Do(t.Context(), strings.Repeat("x", 6<<20-34), lambdabatch.ID("1"))
		require.NoError(t, err)
		assert.Len(t, s.Invocations()[0].Payload, 6<<20)
	})
}

// A broken Invoker fails the records that it was given, and nothing else.
func TestInvokersThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		invoke invoker
		says   string
	}{
		"panic":   {func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) { panic("invoker") }, "panic in the Invoker: invoker"},
		"neither": {func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) { return nil, nil }, "neither an output nor an error"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBatcher(t, test.invoke, lambdabatch.WithMaxAttempts(2))
				_, err := b.Do(t.Context(), "a")
				require.ErrorContains(t, err, test.says)
				assert.Equal(t, lambdabatch.MaybeExecuted, lambdabatch.CertaintyOf(err))
			})
		})
	}
}

type stubborn struct{ marshal func() ([]byte, error) }

func (s stubborn) MarshalJSON() ([]byte, error) { return s.marshal() }

type picky struct{}

func (*picky) UnmarshalJSON([]byte) error { panic("picky") }

func TestValuesThatDoNotEncodeFailAlone(t *testing.T) {
	t.Parallel()
	t.Run("values", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Handle(upper, lambdatest.PerRecord(func(context.Context, string, json.RawMessage) (any, error) { return 1, nil }))
			b, err := lambdabatch.New[any, int](s.Client(), upper)
			require.NoError(t, err)
			defer b.Close()
			errBoom := errors.New("boom")
			good := b.Submit(t.Context(), "good")
			bad := map[string]*lambdabatch.Future[int]{
				"unsupported type": b.Submit(t.Context(), make(chan int)),
				"boom":             b.Submit(t.Context(), stubborn{func() ([]byte, error) { return nil, errBoom }}),
				"panic in the record's MarshalJSON: out of order": b.Submit(t.Context(), stubborn{func() ([]byte, error) { panic("out of order") }}),
				"invalid character": b.Submit(t.Context(), stubborn{func() ([]byte, error) { return []byte("{"), nil }}),
			}
			for says, f := range bad {
				_, err := f.Await(ended())
				require.ErrorContains(t, err, "cannot be encoded")
				require.ErrorIs(t, err, lambdabatch.ErrNotEncodable)
				if says != "invalid character" {
					require.ErrorContains(t, err, says)
				}
				assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
			}
			_, err = good.Await(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []int{1}, sizes(s))
		})
	})
	t.Run("raw JSON", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b, err := lambdabatch.New[json.RawMessage, json.RawMessage](s.Client(), upper)
			require.NoError(t, err)
			defer b.Close()
			raw := json.RawMessage(` "as it \u0069s" `)
			good := b.Submit(t.Context(), raw)
			copy(raw, `"changed since"`)
			for _, bad := range []string{"{", "", "{}}", "nul", "\"\x01\"", `{"a":1,}`} {
				_, err := b.Submit(t.Context(), json.RawMessage(bad)).Await(ended())
				require.ErrorContains(t, err, "the json.RawMessage is not valid JSON")
			}
			null := b.Submit(t.Context(), nil)
			got, err := good.Await(t.Context())
			require.NoError(t, err)
			assert.Equal(t, `"AS IT IS"`, string(got))
			_, err = null.Await(t.Context())
			require.NoError(t, err)
			assert.Equal(t, `null`, string(s.Invocations()[0].Records()[1].Data))
			assert.Contains(t, string(s.Invocations()[0].Payload), `"as it \u0069s" `, "not a byte was changed")
		})
	})
	t.Run("a panic while decoding", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b, err := lambdabatch.New[string, picky](s.Client(), upper)
			require.NoError(t, err)
			defer b.Close()
			_, err = b.Do(t.Context(), "a")
			require.ErrorContains(t, err, "panic in the result's UnmarshalJSON: picky")
			require.ErrorContains(t, err, "result_test.go")
			assert.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
		})
	})
}
