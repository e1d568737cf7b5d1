package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/cenkalti/backoff/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestDo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client())
		got, err := b.Do(t.Context(), "hello")
		require.NoError(t, err)
		assert.Equal(t, "HELLO", got)
	})
}

func TestRecordsOfManyCallersShareAnInvocation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client())
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				got, err := b.Do(t.Context(), "hello")
				assert.NoError(t, err)
				assert.Equal(t, "HELLO", got)
			})
		}
		callers.Wait()
		assert.Equal(t, []int{20}, sizes(s))
	})
}

func TestSealing(t *testing.T) {
	t.Parallel()
	t.Run("linger", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(5*time.Second), why.hook())
			b.Submit(t.Context(), "a")
			time.Sleep(3 * time.Second)
			b.Submit(t.Context(), "b")
			time.Sleep(10 * time.Second)
			f := b.Submit(t.Context(), "c")
			<-f.Done()
			assert.Equal(t, []int{2, 1}, sizes(s))
			assert.Equal(t, []time.Duration{5 * time.Second, 18 * time.Second}, instants(s, start))
			assert.Equal(t, []lambdabatch.SealReason{lambdabatch.SealedLinger, lambdabatch.SealedLinger}, why.seen())
			assert.Equal(t, 5*time.Second, f.Attempts()[0].Wait)
		})
	})
	t.Run("count", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(5*time.Second), lambdabatch.WithMaxRecords(3), why.hook())
			for _, text := range texts(7) {
				b.Submit(t.Context(), text)
			}
			require.NoError(t, b.Close())
			assert.ElementsMatch(t, []int{3, 3, 1}, sizes(s))
			assert.Equal(t, []time.Duration{0, 0, 0}, instants(s, start))
			assert.ElementsMatch(t, []lambdabatch.SealReason{lambdabatch.SealedFull, lambdabatch.SealedFull, lambdabatch.SealedClose}, why.seen())
		})
	})
	t.Run("bytes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			// {"records":[{"id":"1","data":"text a"},{"id":"2","data":"text b"}]} has 67 bytes.
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(5*time.Second), lambdabatch.WithMaxBytes(67), why.hook())
			for i, text := range texts(5) {
				b.Submit(t.Context(), text, lambdabatch.ID(string(rune('1'+i))))
			}
			synctest.Wait()
			time.Sleep(6 * time.Second)
			assert.Equal(t, []int{2, 2, 1}, sizes(s))
			assert.Equal(t, []time.Duration{0, 0, 5 * time.Second}, instants(s, start))
			for _, i := range s.Invocations() {
				assert.LessOrEqual(t, len(i.Payload), 67)
			}
			assert.Len(t, s.Invocations()[0].Payload, 67)
			assert.Equal(t, []lambdabatch.SealReason{lambdabatch.SealedBytes, lambdabatch.SealedBytes, lambdabatch.SealedLinger}, why.seen())
		})
	})
	t.Run("deadline", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(5*time.Second), why.hook())
			b.Submit(t.Context(), "a")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := b.Do(ctx, "b")
			require.NoError(t, err)
			assert.Equal(t, []int{2}, sizes(s), "the other goes along")
			assert.Equal(t, []time.Duration{time.Second / 2}, instants(s, start))
			assert.Equal(t, []lambdabatch.SealReason{lambdabatch.SealedDeadline}, why.seen())
		})
	})
	t.Run("flush", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), why.hook())
			f := b.Submit(t.Context(), "a")
			require.NoError(t, b.Flush(t.Context()))
			select {
			case <-f.Done():
			default:
				t.Error("Flush returned before the record was resolved")
			}
			assert.Equal(t, []time.Duration{0}, instants(s, start))
			assert.Equal(t, []lambdabatch.SealReason{lambdabatch.SealedFlush}, why.seen())
		})
	})
	t.Run("no linger", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0))
			for range 3 {
				_, err := b.Do(t.Context(), "a")
				require.NoError(t, err)
			}
			assert.Equal(t, []time.Duration{0, 0, 0}, instants(s, start))
		})
	})
	t.Run("buffer smaller than a batch", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start, why := newService(t), time.Now(), &reasons{}
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxBuffered(2, 1<<20), why.hook())
			for _, text := range texts(4) {
				b.Submit(t.Context(), text)
			}
			require.NoError(t, b.Close())
			assert.Equal(t, []int{2, 2}, sizes(s))
			assert.Equal(t, []time.Duration{0, 0}, instants(s, start))
			assert.Equal(t, []lambdabatch.SealReason{lambdabatch.SealedFull, lambdabatch.SealedFull}, why.seen())
		})
	})
}

// The permit comes first, and the batch is sealed after: with one invocation a
// second, whatever has come by then travels.
func TestPermitFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithMaxRecords(20),
			lambdabatch.WithLimiter(newLimiter(t, lambdabatch.Rate(1, 1))))
		// One record each 100 ms, for 5 s, then one each 10 ms.
		b.Submit(t.Context(), "a")
		time.Sleep(50 * time.Millisecond)
		for range 50 {
			b.Submit(t.Context(), "a")
			time.Sleep(100 * time.Millisecond)
		}
		for range 100 {
			b.Submit(t.Context(), "a")
			time.Sleep(10 * time.Millisecond)
		}
		require.NoError(t, b.Close())
		assert.Equal(t, []int{1, 10, 10, 10, 10, 10, 20, 20, 20, 20, 20}, sizes(s))
		for i, at := range instants(s, start) {
			assert.InDelta(t, float64(time.Duration(i)*time.Second), float64(at), float64(time.Microsecond))
		}
	})
}

func TestTenantsNeverShareABatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		s.Handle(upper, lambdatest.PerRecord(shout), lambdatest.TenantIsolation())
		b := newBatcher(t, s.Client())
		var futures []*lambdabatch.Future[string]
		for range 10 {
			futures = append(futures,
				b.Submit(t.Context(), "a", lambdabatch.Tenant("one")),
				b.Submit(t.Context(), "b", lambdabatch.Tenant("two")))
		}
		for _, f := range futures {
			_, err := f.Await(t.Context())
			require.NoError(t, err)
		}
		tenants := map[string]int{}
		for _, i := range s.Invocations() {
			tenants[i.Tenant] += len(i.Records())
		}
		assert.Equal(t, map[string]int{"one": 10, "two": 10}, tenants)
		assert.Equal(t, []int{10, 10}, sizes(s))

		_, err := b.Do(t.Context(), "c")
		require.ErrorContains(t, err, "lambdabatch: invoking upper", "a record without tenant is a lane of its own")
	})
}

func TestRecordsOfOneIDAreNeverInOneBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client())
		x1 := b.Submit(t.Context(), "first", lambdabatch.ID("x"))
		y := b.Submit(t.Context(), "other", lambdabatch.ID("y"))
		x2 := b.Submit(t.Context(), "second", lambdabatch.ID("x"))
		for f, want := range map[*lambdabatch.Future[string]]string{x1: "FIRST", y: "OTHER", x2: "SECOND"} {
			got, err := f.Await(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		assert.ElementsMatch(t, []int{2, 1}, sizes(s))
	})
}

func TestACancelledRecordLeavesAndTheRestTravel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(5*time.Second))
		stays := b.Submit(t.Context(), "stays")
		ctx, cancel := context.WithCancel(t.Context())
		leaves := b.Submit(ctx, "leaves")
		time.Sleep(time.Second)
		cancel()
		<-leaves.Done()
		assert.Equal(t, time.Second, time.Since(start), "at once")
		_, err := leaves.Await(t.Context())
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		got, err := stays.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "STAYS", got)
		assert.Equal(t, []int{1}, sizes(s))
		assert.Equal(t, "stays", texto(s.Invocations()[0].Records()[0].Data))
	})
}

func TestBackPressure(t *testing.T) {
	t.Parallel()
	t.Run("blocks and frees", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithMaxBuffered(2, 1<<20))
			for i := range 6 {
				b.Submit(t.Context(), "a")
				assert.Equal(t, time.Duration(i/2)*time.Second, time.Since(start))
			}
			st := b.Stats()
			assert.LessOrEqual(t, st.Waiting+st.InFlight, 2)
		})
	})
	t.Run("by bytes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithMaxBuffered(100, 100))
			b.Submit(t.Context(), "0123456789", lambdabatch.ID("1")) // 33 bytes
			b.Submit(t.Context(), "0123456789", lambdabatch.ID("2"))
			b.Submit(t.Context(), "0123456789", lambdabatch.ID("3"))
			assert.Equal(t, time.Duration(0), time.Since(start))
			b.Submit(t.Context(), "0123456789", lambdabatch.ID("4"))
			assert.Equal(t, time.Second, time.Since(start))
		})
	})
	t.Run("ends with ctx", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, 2*time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(0), lambdabatch.WithMaxBuffered(1, 1<<20))
			b.Submit(t.Context(), "a")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			f := b.Submit(ctx, "b")
			assert.Equal(t, time.Second, time.Since(start))
			_, err := f.Await(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		})
	})
	t.Run("fails fast", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxBuffered(1, 1<<20), lambdabatch.WithFailFast())
			first := b.Submit(t.Context(), "a")
			_, err := b.Submit(t.Context(), "b").Await(t.Context())
			require.ErrorIs(t, err, lambdabatch.ErrBufferFull)
			assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
			_, err = first.Await(t.Context())
			require.NoError(t, err)
			_, err = b.Do(t.Context(), "c")
			require.NoError(t, err, "there is room again")
		})
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	t.Run("drains", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour))
			var futures []*lambdabatch.Future[string]
			for _, text := range texts(50) {
				futures = append(futures, b.Submit(t.Context(), text))
			}
			require.NoError(t, b.Shutdown(t.Context()))
			for _, f := range futures {
				_, err := f.Await(ended())
				require.NoError(t, err, "done already")
			}
			_, err := b.Do(t.Context(), "late")
			require.ErrorIs(t, err, lambdabatch.ErrClosed)
			require.NoError(t, b.Close(), "again")
		})
	})
	t.Run("whose ctx ends first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			s.Handle(upper, slow(shout, 2*time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(1), lambdabatch.WithMaxBuffered(2, 1<<20),
				lambdabatch.WithLimiter(newLimiter(t, lambdabatch.InFlight(1))))
			flying := b.Submit(t.Context(), "flying")
			waiting := b.Submit(t.Context(), "waiting")
			var roomless *lambdabatch.Future[string]
			var submit sync.WaitGroup
			submit.Go(func() { roomless = b.Submit(t.Context(), "roomless") })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, b.Shutdown(ctx), context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(start))
			submit.Wait()
			for f, certainty := range map[*lambdabatch.Future[string]]lambdabatch.Certainty{
				flying: lambdabatch.MaybeExecuted, waiting: lambdabatch.NotExecuted, roomless: lambdabatch.NotExecuted,
			} {
				_, err := f.Await(ended())
				require.ErrorIs(t, err, lambdabatch.ErrClosed)
				assert.Equal(t, certainty, lambdabatch.CertaintyOf(err))
			}
			st := b.Stats()
			assert.Zero(t, st.Waiting+st.InFlight)
		})
	})
}

func TestMap(t *testing.T) {
	t.Parallel()
	t.Run("in order", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Hour))
			in := texts(45)
			var out []string
			for text, err := range b.Map(t.Context(), values(in)) {
				require.NoError(t, err)
				out = append(out, text)
			}
			assert.Equal(t, uppers(in), out)
			assert.ElementsMatch(t, []int{20, 20, 5}, sizes(s))
			assert.Equal(t, time.Hour, time.Since(start), "the last batch lingers: others may be about to join")
		})
	})
	t.Run("bounded", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Handle(upper, slow(shout, time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(2), lambdabatch.WithMaxBuffered(6, 1<<20))
			taken, yielded := 0, 0
			for _, err := range b.Map(t.Context(), func(yield func(string) bool) {
				for _, text := range texts(30) {
					taken++
					assert.LessOrEqual(t, taken-yielded, 7)
					if !yield(text) {
						return
					}
				}
			}) {
				require.NoError(t, err)
				yielded++
			}
			assert.Equal(t, 30, yielded)
		})
	})
	t.Run("break", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(2), lambdabatch.WithMaxBuffered(4, 1<<20),
				lambdabatch.WithLimiter(newLimiter(t, lambdabatch.Rate(1, 1))))
			taken := 0
			for _, err := range b.Map(t.Context(), func(yield func(string) bool) {
				for _, text := range texts(30) {
					if taken++; !yield(text) {
						return
					}
				}
			}) {
				require.NoError(t, err)
				break
			}
			require.NoError(t, b.Flush(t.Context()))
			assert.LessOrEqual(t, taken, 5)
			assert.Equal(t, []int{2}, sizes(s), "what was still to be sent is not sent")
		})
	})
	t.Run("ctx ends", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Handle(upper, slow(shout, time.Second))
			b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(2), lambdabatch.WithMaxBuffered(2, 1<<20))
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			var got []string
			var last error
			for text, err := range b.Map(ctx, values(texts(30))) {
				if err == nil {
					got = append(got, text)
				}
				last = err
			}
			assert.Equal(t, uppers(texts(2)), got)
			require.ErrorIs(t, last, context.DeadlineExceeded)
		})
	})
}

func TestFlushWaitsForWhatWasSubmittedBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, start := newService(t), time.Now()
		s.Handle(upper, slow(shout, time.Second))
		b := newBatcher(t, s.Client(), lambdabatch.WithLinger(10*time.Second))
		b.Submit(t.Context(), "before")
		var flushes sync.WaitGroup
		for range 10 {
			flushes.Go(func() {
				assert.NoError(t, b.Flush(t.Context()))
				assert.Equal(t, time.Second, time.Since(start))
			})
		}
		synctest.Wait()
		after := b.Submit(t.Context(), "after")
		flushes.Wait()
		_, err := after.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 11*time.Second, time.Since(start))

		b.Submit(t.Context(), "unlucky")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		require.ErrorIs(t, b.Flush(ctx), context.DeadlineExceeded)
		require.NoError(t, b.Flush(t.Context()), "nothing was lost")
	})
}

// Map and WithFailFast never wait for room: a full buffer must not linger with
// them either.
func TestFullBufferDoesNotLinger(t *testing.T) {
	t.Parallel()
	t.Run("Map", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Minute), lambdabatch.WithMaxBuffered(10, 1<<20))
			n := 0
			for _, err := range b.Map(t.Context(), values(texts(100))) {
				require.NoError(t, err)
				n++
			}
			assert.Equal(t, 100, n)
			assert.Equal(t, start, time.Now())
		})
	})
	t.Run("fail fast", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s, start := newService(t), time.Now()
			b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Minute), lambdabatch.WithMaxBuffered(100, 100), lambdabatch.WithFailFast())
			first := b.Submit(t.Context(), "0123456789")
			b.Submit(t.Context(), "0123456789")
			_, err := b.Submit(t.Context(), "0123456789").Await(ended())
			require.ErrorIs(t, err, lambdabatch.ErrBufferFull)
			<-first.Done()
			assert.Equal(t, start, time.Now())
		})
	})
}

// Who waits for outcomes waits for the futures, not only for the decision.
func TestFlushAndShutdownWaitForTheFutures(t *testing.T) {
	t.Parallel()
	slowHook := lambdabatch.WithHooks(lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { time.Sleep(time.Second) }})
	undone := func(f *lambdabatch.Future[string]) bool {
		select {
		case <-f.Done():
			return false
		default:
			return true
		}
	}
	t.Run("Flush", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			b := newBatcher(t, newService(t).Client(), slowHook)
			f := b.Submit(t.Context(), "a")
			require.NoError(t, b.Flush(t.Context()))
			assert.False(t, undone(f))
		})
	})
	t.Run("Close, of a record that left", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			b := newBatcher(t, newService(t).Client(), slowHook, lambdabatch.WithLinger(time.Hour))
			ctx, cancel := context.WithCancel(t.Context())
			f := b.Submit(ctx, "a")
			cancel()
			synctest.Wait()
			require.NoError(t, b.Close())
			assert.False(t, undone(f))
		})
	})
	t.Run("two Shutdowns", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newService(t)
			s.Handle(upper, slow(shout, time.Hour), lambdatest.Timeout(2*time.Hour))
			b := newBatcher(t, s.Client(), slowHook, lambdabatch.WithLinger(0))
			f := b.Submit(t.Context(), "a")
			synctest.Wait()
			go func() { assert.Error(t, b.Shutdown(ended())) }()
			synctest.Wait()
			require.NoError(t, b.Close())
			assert.False(t, undone(f))
		})
	})
}

// A Shutdown that has left an invocation behind says so.
func TestShutdownWithAnInvocationThatNobodyWaitsFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		deaf := make(chan struct{})
		b := newBatcher(t, invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) {
			<-deaf
			return &lambda.InvokeOutput{StatusCode: 200}, nil
		}), lambdabatch.WithLinger(0))
		ctx, cancel := context.WithCancel(t.Context())
		b.Submit(ctx, "a")
		synctest.Wait()
		cancel()
		synctest.Wait()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, b.Shutdown(ctx), context.DeadlineExceeded)
			cancel()
		}
		close(deaf)
	})
}

// A test's fake that calls FailNow ends the goroutine it runs in, and must not hang
// the Batcher.
func TestGoexit(t *testing.T) {
	t.Parallel()
	exits := map[string]lambdabatch.Option{
		"Sealed":   lambdabatch.WithHooks(lambdabatch.Hooks{Sealed: func(lambdabatch.SealedEvent) { runtime.Goexit() }}),
		"Invoked":  lambdabatch.WithHooks(lambdabatch.Hooks{Invoked: func(context.Context, lambdabatch.InvokedEvent) { runtime.Goexit() }}),
		"Resolved": lambdabatch.WithHooks(lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { runtime.Goexit() }}),
	}
	for name, option := range exits {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				permits := &counting{}
				b := newBatcher(t, newService(t).Client(), option, lambdabatch.WithLimiter(permits), lambdabatch.WithMaxRecords(1))
				for range 3 {
					_, err := b.Do(t.Context(), "a")
					require.ErrorContains(t, err, "runtime.Goexit")
				}
				require.NoError(t, b.Close())
				assert.Equal(t, int32(3), permits.released.Load())
			})
		})
	}
}

func TestGoexitInALimiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxAttempts(2),
			lambdabatch.WithLimiter(lame(func(context.Context) (func(lambdabatch.Feedback), error) {
				runtime.Goexit()
				return nil, nil
			})))
		_, err := b.Do(t.Context(), "a")
		require.ErrorContains(t, err, "runtime.Goexit")
		assert.Equal(t, lambdabatch.NotExecuted, lambdabatch.CertaintyOf(err))
		require.NoError(t, b.Close())
	})
}

// Goexit after Goexit: who took over for the first is ended, too.
func TestGoexitAgain(t *testing.T) {
	t.Parallel()
	exits := lambdabatch.WithHooks(lambdabatch.Hooks{
		Invoked:  func(context.Context, lambdabatch.InvokedEvent) { runtime.Goexit() },
		Resolved: func(lambdabatch.ResolvedEvent) { runtime.Goexit() },
	})
	releases := func(err error) lambdabatch.Option {
		return lambdabatch.WithLimiter(lame(func(context.Context) (func(lambdabatch.Feedback), error) {
			return func(lambdabatch.Feedback) { runtime.Goexit() }, err
		}))
	}
	backoff := lambdabatch.WithBackoff(func() backoff.BackOff { runtime.Goexit(); return nil })
	for name, options := range map[string][]lambdabatch.Option{
		"hooks":               {exits},
		"release":             {releases(nil), exits},
		"no permit, no delay": {releases(errors.New("no permit")), backoff},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBatcher(t, newService(t).Client(), options...)
				for range 3 {
					_, err := b.Do(t.Context(), "a")
					require.ErrorContains(t, err, "runtime.Goexit")
				}
				require.NoError(t, b.Close())
			})
		})
	}
}

// Goexit where a permit is given back: what came of the invocation is not lost, and
// what was not sent goes its way.
func TestGoexitInRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBatcher(t, newService(t).Client(), lambdabatch.WithLinger(0),
			lambdabatch.WithLimiter(lame(func(context.Context) (func(lambdabatch.Feedback), error) {
				time.Sleep(time.Second)
				return func(lambdabatch.Feedback) { runtime.Goexit() }, nil
			})))
		got, err := b.Do(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "A", got)
		ctx, leave := context.WithTimeout(t.Context(), time.Second/2)
		defer leave()
		_, err = b.Do(ctx, "leaves before the permit comes")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, b.Close())
	})
}

// A future holds the outcome and not what was sent.
func TestAFutureDoesNotHoldTheRecord(t *testing.T) { //nolint:paralleltest // it measures the heap
	s := newService(t)
	s.Handle(upper, func(context.Context, []byte) ([]byte, error) { return []byte(`{"results":[]}`), nil })
	b := newBatcher(t, s.Client(), lambdabatch.WithMaxBuffered(100, 8<<20))
	heap := func() uint64 {
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		return mem.HeapAlloc
	}
	before := heap()
	var futures []*lambdabatch.Future[string]
	for range 32 {
		futures = append(futures, b.Submit(t.Context(), strings.Repeat("x", 1<<20)))
	}
	require.NoError(t, b.Close())
	s.Reset()
	assert.Less(t, heap(), before+16<<20)
	runtime.KeepAlive(futures)
}

// Very many lanes are no burden when all are pressed at once.
func TestManyTenants(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBatcher(t, invoker(func(*lambda.InvokeInput) (*lambda.InvokeOutput, error) {
			return &lambda.InvokeOutput{StatusCode: 200, Payload: []byte("{}")}, nil
		}), lambdabatch.WithLinger(time.Hour), lambdabatch.WithMaxBuffered(5_000, 1<<30))
		for i := range 5_000 {
			b.Submit(t.Context(), "a", lambdabatch.Tenant(fmt.Sprint(i)))
		}
		require.NoError(t, b.Close())
		assert.Equal(t, uint64(5_000), b.Stats().Invocations)
	})
}

// At rest a Batcher owns no goroutine and no timer that would bring one about.
func TestAtRest(t *testing.T) { //nolint:paralleltest // it counts goroutines
	s := newService(t)
	before := runtime.NumGoroutine()
	b := newBatcher(t, s.Client(), lambdabatch.WithLinger(time.Millisecond))
	for range 50 {
		_, err := b.Do(t.Context(), "a", lambdabatch.ID("1"))
		require.NoError(t, err)
	}
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, // Eventually has some of its own
		5*time.Second, time.Millisecond)
}

// When Shutdown's ctx ends, every future is done all the same, also those that
// somebody else is about to resolve.
func TestShutdownLeavesNoFutureBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBatcher(t, newService(t).Client(), lambdabatch.WithLinger(0),
			lambdabatch.WithHooks(lambdabatch.Hooks{Resolved: func(lambdabatch.ResolvedEvent) { time.Sleep(time.Second) }}))
		f := b.Submit(t.Context(), "a")
		synctest.Wait()
		_ = b.Shutdown(ended())
		_, err := f.Await(ended())
		require.NoError(t, err)
	})
}

// A Goexit while one record of a batch is resolved leaves the other, which has
// meanwhile been sent again, alone.
func TestGoexitBesideARetry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newService(t)
		var tries atomic.Int32
		s.Handle(upper, lambdatest.PerRecord(func(ctx context.Context, id string, data json.RawMessage) (any, error) {
			if id == "again" && tries.Add(1) == 1 {
				return nil, lambdatest.RetryAfter(0)
			}
			return shout(ctx, id, data)
		}))
		b := newBatcher(t, s.Client(), lambdabatch.WithMaxRecords(2), constantly(0), lambdabatch.WithHooks(lambdabatch.Hooks{
			Resolved: func(e lambdabatch.ResolvedEvent) {
				if e.ID == "exits" {
					time.Sleep(time.Second / 2) // the other is in flight again
					runtime.Goexit()
				}
			},
		}))
		s.Fault(lambdatest.Latency(time.Second), lambdatest.Skip(1))
		exits := b.Submit(t.Context(), "a", lambdabatch.ID("exits"))
		again := b.Submit(t.Context(), "b", lambdabatch.ID("again"))
		_, err := exits.Await(t.Context())
		require.ErrorContains(t, err, "runtime.Goexit")
		got, err := again.Await(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "B", got)
	})
}
