package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// wholly makes a function fail as a whole in the way of effect whenever a record's
// text begins with word.
func wholly(s *lambdatest.Service, word string, effect lambdatest.Effect) *lambdatest.Fault {
	return s.Fault(effect, lambdatest.When(func(r *lambdatest.Request) bool {
		return strings.Contains(string(r.Payload), `"data":"`+word)
	}))
}

// kinds are the ways in which a function, or a batch, can fail as a whole.
var kinds = map[string]lambdatest.Effect{
	"crash":              lambdatest.Exited(),
	"timeout":            lambdatest.TimedOut(),
	"out of memory":      lambdatest.OutOfMemory(),
	"response too large": lambdatest.ResponseTooLarge(),
	"unhandled":          lambdatest.Unhandled("E", "boom"),
	"handled":            lambdatest.Handled("E", "boom"),
	"request too large":  lambdatest.Status(413, "RequestEntityTooLargeException", "too large"),
}

// One poisoned record in a thousand: it fails alone, whatever it does to the function.
func TestPoison(t *testing.T) {
	t.Parallel()
	for name, effect := range kinds {
		for _, at := range []int{0, 99, 100, 555, 999} {
			t.Run(fmt.Sprint(name, " at ", at), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					s := newService(t, lambdatest.AccountConcurrency(1000))
					s.Fault(lambdatest.Latency(time.Second))
					wholly(s, "poison", effect)
					b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(100), lambdabatch.WithMaxAttempts(1))
					var futures []*lambdabatch.Future[string]
					for i := range 1000 {
						text := fmt.Sprint("text ", i)
						if i == at {
							text = "poison"
						}
						futures = append(futures, b.Submit(t.Context(), text))
					}
					for i, f := range futures {
						value, err := f.Await(t.Context())
						if i != at {
							require.NoError(t, err)
							require.Equal(t, fmt.Sprint("TEXT ", i), value)
							continue
						}
						require.Error(t, err)
						last := f.Attempts()[len(f.Attempts())-1]
						assert.Equal(t, 1, last.BatchSize, "it failed alone")
						var failed *lambdabatch.FunctionError
						assert.Equal(t, name != "request too large", errors.As(err, &failed))
					}
					assert.LessOrEqual(t, len(s.Invocations()), 10+2*7+1)
				})
			})
		}
	}
}

// However many records are poisoned, those that are not get their values, in less
// than twice as many invocations as there are records.
func TestManyPoisoned(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 40; n++ {
		bubbled(t, func(t *testing.T) {
			s := newService(t)
			wholly(s, "poison", lambdatest.Exited())
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(n), lambdabatch.WithLinger(time.Hour))
			text := func(i int) string {
				if i%3 == 1 {
					return "poison"
				}
				return "text"
			}
			var futures []*lambdabatch.Future[string]
			for i := range n {
				futures = append(futures, b.Submit(t.Context(), text(i)))
			}
			require.NoError(t, b.Flush(t.Context()))
			for i, f := range futures {
				value, err := f.Await(t.Context())
				if text(i) == "poison" {
					assert.Equal(t, 1, f.Attempts()[len(f.Attempts())-1].BatchSize)
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					require.Equal(t, "TEXT", value)
				}
			}
			assert.LessOrEqual(t, len(s.Invocations()), max(1, 2*n-1))
		})
	}
}

// Splits use up no attempts: what fails afterwards has all of its own.
func TestSplitsUseUpNoAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Fault(lambdatest.Exited(), lambdatest.When(func(r *lambdatest.Request) bool { return len(r.Records()) > 1 }))
		var seen sync.Map
		s.Fault(lambdatest.ServerError(500, ""), lambdatest.When(func(r *lambdatest.Request) bool {
			_, again := seen.LoadOrStore(string(r.Payload), true)
			return !again
		}))
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(4), lambdabatch.WithMaxAttempts(2), immediately())
		var futures []*lambdabatch.Future[string]
		for range 4 {
			futures = append(futures, b.Submit(t.Context(), "text"))
		}
		for _, f := range futures {
			_, err := f.Await(t.Context())
			require.NoError(t, err)
			assert.Len(t, f.Attempts(), 4)
		}
	})
}

func bubbled(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// A function that fails whatever it is given is found out without trying each
// record, and of the next batches one record is enough.
func TestFunctionThatAlwaysFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		broken := wholly(s, "text", lambdatest.Exited())
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(500))
		all := func(wantErr bool) {
			t.Helper()
			var futures []*lambdabatch.Future[string]
			for range 500 {
				futures = append(futures, b.Submit(t.Context(), "text"))
			}
			for _, f := range futures {
				_, err := f.Await(t.Context())
				require.Equal(t, wantErr, err != nil)
				if wantErr {
					var failed *lambdabatch.FunctionError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, lambdabatch.Executed, lambdabatch.CertaintyOf(err))
				}
			}
		}
		all(true)
		assert.LessOrEqual(t, len(s.Invocations()), 1+3+8)
		s.Reset()
		all(true)
		assert.Len(t, s.Invocations(), 2)
		broken.Remove()
		all(false)
		s.Reset()
		wholly(s, "text", lambdatest.Exited())
		all(true)
		assert.Greater(t, len(s.Invocations()), 8, "what was learnt is forgotten with the first success")
	})
}

// What may not be sent twice is not split, unless it was not executed.
func TestSplitAndRetryUncertain(t *testing.T) {
	t.Parallel()
	for name, effect := range kinds {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newService(t)
				wholly(s, "poison", effect)
				b := newBatcher(t, s.Client(), lambdabatch.WithRetryUncertain(false), lambdabatch.WithMaxRecords(2))
				good, bad := b.Submit(t.Context(), "text"), b.Submit(t.Context(), "poison")
				_, err := bad.Await(t.Context())
				require.Error(t, err)
				_, err = good.Await(t.Context())
				if name == "request too large" {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				assert.Len(t, s.Invocations(), 1)
			})
		})
	}
}

// The parts of a batch stay apart from fresh records and from each other, also when
// they are throttled or an invocation of them fails for another reason.
func TestPartsStayApart(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		bubbled(t, func(t *testing.T) {
			s := newService(t)
			s.Fault(lambdatest.Latency(time.Duration(1+seed%7) * 100 * time.Millisecond))
			wholly(s, "poison", lambdatest.Exited())
			s.Fault(lambdatest.Throttle(callerRate), lambdatest.Skip(int(1+seed%5)), lambdatest.Count(int(seed%3)))
			s.Fault(lambdatest.ServerError(500, ""), lambdatest.Skip(int(2+seed%3)), lambdatest.Count(int(seed/3%3)))
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(8))
			var futures []*lambdabatch.Future[string]
			for i := range 40 {
				text := "text"
				if i == 3 {
					text = "poison"
				}
				futures = append(futures, b.Submit(t.Context(), text, lambdabatch.ID(fmt.Sprint(i))))
				time.Sleep(10 * time.Millisecond)
			}
			for i, f := range futures {
				_, err := f.Await(t.Context())
				require.Equal(t, i == 3, err != nil)
			}
			// Once the function has failed, no other record comes to those that were with the poison.
			var first []string
			for _, inv := range s.Invocations() {
				if !strings.Contains(string(inv.Payload), "poison") {
					continue
				}
				var ids []string
				for _, r := range inv.Records() {
					ids = append(ids, r.ID)
				}
				if first != nil {
					assert.Subset(t, first, ids)
				} else if strings.Contains(inv.Fault, "Exited") {
					first = ids
				}
			}
			assert.NotEmpty(t, first)
		})
	}
}

// A record that leaves while its part waits takes nobody with it.
func TestLeavingWhileSplit(t *testing.T) {
	t.Parallel()
	for leaver := range 8 {
		for after := range 12 {
			bubbled(t, func(t *testing.T) {
				s := newService(t)
				s.Fault(lambdatest.Latency(time.Second))
				wholly(s, "poison", lambdatest.Exited())
				b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(8),
					lambdabatch.WithLimiter(newLimiter(t, lambdabatch.InFlight(1))))
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(after)*700*time.Millisecond+time.Millisecond)
				defer leave()
				var futures []*lambdabatch.Future[string]
				for i := range 8 {
					text, of := "text", t.Context()
					if i%5 == 2 {
						text = "poison"
					}
					if i == leaver {
						of = ctx
					}
					futures = append(futures, b.Submit(of, text))
				}
				for i, f := range futures {
					_, err := f.Await(t.Context())
					switch {
					case i%5 == 2:
						require.Error(t, err)
					case i == leaver && err != nil:
						require.ErrorIs(t, err, context.DeadlineExceeded)
					default:
						require.NoError(t, err)
					}
				}
			})
		}
	}
}

// Shutdown finds the parts of a batch wherever they are: under way, in the lane, and
// waiting for what others tell.
func TestShutdownWhileSplit(t *testing.T) {
	t.Parallel()
	for seconds := range 8 {
		bubbled(t, func(t *testing.T) {
			s := newService(t)
			s.Fault(lambdatest.Latency(time.Second))
			wholly(s, "poison", lambdatest.Exited())
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(8), lambdabatch.WithLimiter(newLimiter(t, lambdabatch.InFlight(1))))
			var futures []*lambdabatch.Future[string]
			for range 8 {
				futures = append(futures, b.Submit(t.Context(), "poison"))
			}
			time.Sleep(time.Duration(seconds)*time.Second + time.Second/2)
			require.ErrorIs(t, b.Shutdown(ended()), context.Canceled)
			for _, f := range futures {
				_, err := f.Await(ended())
				require.Error(t, err)
				require.NotErrorIs(t, err, context.Canceled)
			}
		})
	}
}

// A function that needs a second for each record and has ten: the lane learns what
// it bears, and grows again when it bears more.
func TestLaneLearnsFromTimeouts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		each := time.Second
		s.Handle(upper, func(ctx context.Context, payload []byte) ([]byte, error) {
			var request struct{ Records []json.RawMessage }
			if err := json.Unmarshal(payload, &request); err != nil {
				return nil, err
			}
			select {
			case <-time.After(time.Duration(len(request.Records)) * each):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return lambdatest.PerRecord(shout)(ctx, payload)
		}, lambdatest.Timeout(10*time.Second))
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(100), lambdabatch.WithMaxBuffered(1000, 1<<20))
		all := func(n int) (timeouts int) {
			s.Reset()
			var futures []*lambdabatch.Future[string]
			for range n {
				futures = append(futures, b.Submit(t.Context(), "text"))
			}
			for _, f := range futures {
				_, err := f.Await(t.Context())
				require.NoError(t, err)
			}
			for _, inv := range s.Invocations() {
				if strings.Contains(string(inv.Response), "timed out") {
					timeouts++
				}
			}
			return timeouts
		}
		all(300)
		assert.Zero(t, all(300), "it has learnt")
		assert.Zero(t, all(300))
		assert.Len(t, s.Invocations()[0].Records(), 8, "eight of ten seconds")
		each = 10 * time.Millisecond
		for range 5 {
			all(1000)
		}
		all(300)
		assert.Equal(t, []int{100, 100, 100}, sizes(s), "it has grown again")
	})
}
