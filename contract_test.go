package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/handler"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// contract is what becomes of a record, by what the function makes of it, the format
// and the kind of handler. Whatever it is, the records beside it get their values.
//
// "value" is a value; "no value" a success of a format that has none; "failure" and
// "retry" are a RecordError of that status, the latter after all attempts; "function
// error" is that, of the record alone.
var contract = []struct {
	fate string
	// The two of each are handler.New and handler.NewBatch.
	records, sqsEvent, array [2]string
}{
	{"success", [2]string{"value", "value"}, [2]string{"no value", "no value"}, [2]string{"value", "value"}},
	{"failure", [2]string{"failure", "failure"}, [2]string{"retry", "retry"}, [2]string{"function error", "function error"}},
	{"permanent", [2]string{"failure", "failure"}, [2]string{"retry", "retry"}, [2]string{"function error", "function error"}},
	{"retry", [2]string{"retry", "retry"}, [2]string{"retry", "retry"}, [2]string{"function error", "function error"}},
	{"panic", [2]string{"failure", "function error"}, [2]string{"retry", "function error"}, [2]string{"function error", "function error"}},
	{"slow", [2]string{"retry", "function error"}, [2]string{"retry", "function error"}, [2]string{"function error", "function error"}},
	{"huge", [2]string{"failure", "failure"}, [2]string{"no value", "no value"}, [2]string{"function error", "function error"}},
	{"undecodable", [2]string{"failure", "failure"}, [2]string{"retry", "retry"}, [2]string{"function error", "function error"}},
	{"unencodable", [2]string{"failure", "failure"}, [2]string{"retry", "retry"}, [2]string{"function error", "function error"}},
}

// wish is a record that says what is to become of it.
type wish struct {
	Fate string          `json:"fate"`
	Text string          `json:"text"`
	More json.RawMessage `json:"more,omitempty"`
}

// grant is the function of one record.
func grant(ctx context.Context, w struct {
	Fate, Text string
	More       int // what a string does not decode into
},
) (any, error) {
	switch w.Fate {
	case "failure":
		return nil, errors.New("no")
	case "permanent":
		return nil, handler.Permanent(errors.New("no"))
	case "retry":
		return nil, handler.RetryAfter(time.Second, errors.New("later"))
	case "panic":
		panic("no")
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "huge":
		return strings.Repeat("x", 7<<20), nil
	case "unencodable":
		return func() {}, nil
	default:
		return strings.ToUpper(w.Text), nil
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	quiet := handler.Logger(slog.New(slog.DiscardHandler))
	type record = struct {
		Fate, Text string
		More       int
	}
	handlers := [2]*handler.Handler{
		handler.New(grant, quiet),
		handler.NewBatch(func(ctx context.Context, records []handler.Record[record]) ([]handler.Result[any], error) {
			results := make([]handler.Result[any], len(records))
			for i, r := range records {
				results[i].Value, results[i].Err = grant(ctx, r.Data)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
			}
			return results, nil
		}, quiet),
	}
	for _, c := range contract {
		for kind, h := range handlers {
			for name, test := range map[string]struct {
				format lambdabatch.Format
				want   string
			}{
				"Records":  {lambdabatch.Records, c.records[kind]},
				"SQSEvent": {lambdabatch.SQSEvent, c.sqsEvent[kind]},
				"Array":    {lambdabatch.Array, c.array[kind]},
			} {
				t.Run(fmt.Sprint(c.fate, "/", name, "/", []string{"New", "NewBatch"}[kind]), func(t *testing.T) {
					bubble(t, func(t *testing.T) { keep(t, h, test.format, c.fate, test.want) })
				})
			}
		}
	}
}

// keep sends a record that wants a fate, among others that want to succeed.
func keep(t *testing.T, h *handler.Handler, f lambdabatch.Format, fate, want string) {
	t.Helper()
	s := lambdatest.New()
	t.Cleanup(s.Close)
	s.Handle(upper, h.Invoke, lambdatest.Timeout(10*time.Second))
	b, err := lambdabatch.New[wish, string](s.Client(), upper, lambdabatch.WithFormat(f),
		lambdabatch.WithLimiter(newLimiter(t)), lambdabatch.WithMaxAttempts(3))
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()

	var others []*lambdabatch.Future[string]
	var one *lambdabatch.Future[string]
	for i := range 5 {
		if i == 2 {
			w := wish{Fate: fate, Text: "text"}
			if fate == "undecodable" {
				w.More = json.RawMessage(`"a string"`)
			}
			one = b.Submit(t.Context(), w)
			continue
		}
		others = append(others, b.Submit(t.Context(), wish{Fate: "success", Text: "text"}))
	}
	value, err := one.Await(t.Context())
	assert.Equal(t, want, outcome(value, err, len(one.Attempts())), "%v", err)
	for _, other := range others {
		value, err := other.Await(t.Context())
		require.NoError(t, err)
		if f == lambdabatch.SQSEvent {
			assert.Empty(t, value)
		} else {
			assert.Equal(t, "TEXT", value)
		}
	}
}

// outcome names what became of a record.
func outcome(value string, err error, attempts int) string {
	var refused *lambdabatch.RecordError
	var failed *lambdabatch.FunctionError
	switch {
	case err == nil && value == "":
		return "no value"
	case err == nil:
		return "value"
	case errors.As(err, &refused) && refused.Retryable && attempts == 3:
		return "retry"
	case errors.As(err, &refused) && !refused.Retryable && attempts == 1:
		return refused.Status
	case errors.As(err, &failed):
		return "function error"
	default:
		return err.Error()
	}
}
