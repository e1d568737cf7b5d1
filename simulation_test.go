package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of TestSimulation")
	seeds     = flag.Uint64("seeds", 200, "how many seeds TestSimulation tries")
)

// TestSimulation runs whole histories with everything that can go wrong going wrong
// at random, and holds them against a model of what was promised.
//
// All choices come of the seed. What the scheduler does with goroutines of the same
// instant does not, nor does the limiter's jitter: a rare failure may take several
// tries (-count) to show again.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var failed atomic.Bool
	workers := uint64(runtime.GOMAXPROCS(0))
	for worker := range workers {
		t.Run(strconv.FormatUint(worker, 10), func(t *testing.T) {
			t.Parallel()
			for i := worker; i < *seeds && !failed.Load(); i += workers {
				if !simulate(t, *firstSeed+i) {
					failed.Store(true)
				}
			}
		})
	}
}

// simulate runs the history of a seed, and tells how to run it again if it fails.
func simulate(t *testing.T, seed uint64) (ok bool) {
	t.Helper()
	return t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
		passed := false
		defer func() { // also when the program is about to end of it
			if !passed {
				fmt.Fprintf(os.Stderr, "replay: go test -run 'TestSimulation$' . -args -seed %d -seeds 1\n", seed)
			}
		}()
		synctest.Test(t, func(t *testing.T) {
			s := draw(seed)
			defer func() {
				if t.Failed() {
					t.Log(s)
				}
			}()
			newSimulation(t, s).run()
		})
		passed = true
	})
}

// simulation is a scenario while it runs.
type simulation struct {
	*scenario
	*model
	t       *testing.T
	service *lambdatest.Service
	client  *lambda.Client
	shared  lambdabatch.Limiter
}

func newSimulation(t *testing.T, of *scenario) *simulation {
	t.Helper()
	s := &simulation{scenario: of, model: newModel(t, of), t: t, service: lambdatest.New(of.account...)}
	s.client = s.service.Client()
	for _, f := range s.functions {
		opts := []lambdatest.FunctionOption{lambdatest.Timeout(f.timeout)}
		if f.tenants {
			opts = append(opts, lambdatest.TenantIsolation())
		}
		if f.durable {
			opts = append(opts, lambdatest.Durable())
		}
		if f.reserved > 0 {
			opts = append(opts, lambdatest.Reserved(f.reserved))
		}
		s.service.Handle(f.name, s.handler(f), opts...)
	}
	for _, f := range s.faults {
		aims := []lambdatest.Aim{lambdatest.Skip(f.skip), lambdatest.Count(f.count)}
		if f.function != "" {
			aims = append(aims, lambdatest.OnFunction(f.function))
		}
		s.service.Fault(f.effect, aims...)
	}
	s.service.Fault(lambdatest.OutOfMemory(), lambdatest.When(func(r *lambdatest.Request) bool {
		return strings.Contains(string(r.Payload), string(orderOutOfMemory))
	}))
	if c := s.limiter.account; s.limiter.kind == plainLimiter {
		s.shared = lambdabatch.FromRate(rate.NewLimiter(rate.Limit(c.perSecond), c.burst))
	} else {
		l, err := lambdabatch.NewLimiter(s.limiter.options()...)
		require.NoError(t, err)
		s.shared = l
	}
	for _, b := range s.batchers {
		opts := append(b.options(s.seed), lambdabatch.WithLimiter(&simPermits{s, b}), lambdabatch.WithHooks(s.watch(b)))
		if b.ownFormat {
			opts = append(opts, lambdabatch.WithFormat(simFormat{lambdabatch.Records, b}))
		}
		if b.letters {
			opts = append(opts, lambdabatch.WithDeadLetter(s.bury(b)))
		}
		var err error
		b.t = t
		b.Batcher, err = lambdabatch.New[order, answer](&simClient{s, b}, b.function, opts...)
		require.NoError(t, err)
	}
	return s
}

// run lets everything happen, and looks at the end.
func (s *simulation) run() {
	s.t.Helper()
	var work, others sync.WaitGroup
	others.Go(func() {
		for _, step := range s.steps {
			time.Sleep(step.at - time.Since(s.start))
			s.service.SetAccountConcurrency(step.concurrency)
			s.service.SetRequestRate(step.perSecond, 10)
		}
	})
	for _, b := range s.batchers {
		for _, r := range b.records {
			if r.way != byMap {
				work.Go(func() { s.submit(r) })
			}
		}
		for _, m := range b.maps {
			work.Go(func() { s.mapAll(b, m) })
		}
		for _, c := range b.flushes {
			others.Go(func() { s.flush(b, c) })
		}
		for _, c := range b.shutdowns {
			others.Go(func() { s.shutdown(b, c) })
		}
	}
	work.Wait()
	others.Wait()
	time.Sleep(time.Hour) // records may have left invocations that go on
	for _, b := range s.batchers {
		s.atRest(b)
		assert.NoError(s.t, b.Close())
	}
	s.service.Wait()
	s.service.Close()
	s.check(s.service.Invocations(), s.shared)
}

// submit submits a record, and waits for its outcome.
func (s *simulation) submit(r *simRecord) {
	time.Sleep(r.at)
	ctx, end := r.context(s.t.Context())
	defer end()
	s.lock(func() { r.begins(time.Now()) })
	if r.way == byDo {
		value, err := r.batcher.Do(ctx, r.order, r.options()...)
		s.ended(r, value, err)
		return
	}
	f := r.batcher.Submit(ctx, r.order, r.options()...)
	s.lock(func() { r.future, r.returned = f, time.Now() })
	<-f.Done()
	value, err := f.Await(ended())
	s.ended(r, value, err)
}

func (s *simulation) mapAll(b *simBatcher, m *simMap) {
	time.Sleep(m.template.at)
	made := time.Now()
	ctx, end := m.template.context(s.t.Context())
	defer end()
	seq := func(yield func(order) bool) {
		for _, r := range m.records {
			time.Sleep(r.at)
			s.lock(func() { r.begins(made) })
			if !yield(r.order) {
				return
			}
		}
	}
	n := 0
	for value, err := range b.Map(ctx, seq) {
		s.ended(m.records[n], value, err)
		if n++; n == m.stop {
			break
		}
	}
}

// unfinished are the records of a Batcher that have a future, which is not done.
func (s *simulation) unfinished(b *simBatcher) []*simRecord {
	var all []*simRecord
	s.lock(func() {
		for _, r := range b.records {
			if r.future == nil {
				continue
			}
			select {
			case <-r.future.Done():
			default:
				all = append(all, r)
			}
		}
	})
	return all
}

// context makes the context of a call.
func (s *simulation) context(c simCall) (context.Context, context.CancelFunc) {
	if c.grace < 0 {
		return context.WithCancel(s.t.Context())
	}
	return context.WithTimeout(s.t.Context(), c.grace)
}

// flush has all records that were submitted before done when it returns.
func (s *simulation) flush(b *simBatcher, c simCall) {
	time.Sleep(c.at)
	ctx, end := s.context(c)
	defer end()
	before := s.unfinished(b)
	if err := b.Flush(ctx); err != nil {
		assert.ErrorIs(s.t, err, context.DeadlineExceeded)
		return
	}
	for _, r := range before {
		select {
		case <-r.future.Done():
		default:
			if takenIn(r.future) { // if not, it is about to be told
				s.t.Errorf("%v is not done after Flush", r)
			}
		}
	}
}

// shutdown has all records done when it returns.
func (s *simulation) shutdown(b *simBatcher, c simCall) {
	time.Sleep(c.at)
	ctx, end := s.context(c)
	defer end()
	began := time.Now()
	err := b.Shutdown(ctx)
	if err != nil {
		assert.ErrorIs(s.t, err, context.DeadlineExceeded)
		assert.GreaterOrEqual(s.t, c.grace, time.Duration(0))
		assert.LessOrEqual(s.t, time.Since(began), c.grace+s.tolerance(b), "Shutdown of Batcher %d", b.number)
	}
	for _, r := range s.unfinished(b) {
		s.t.Errorf("%v is not done after Shutdown", r)
	}
	if err == nil {
		s.atRest(b)
	}
	st := b.Stats()
	assert.Zero(s.t, st.Waiting)
	assert.Zero(s.t, st.InFlight)
}

// handler is a function's code.
func (s *simulation) handler(f *simFunction) lambdatest.Function {
	return func(ctx context.Context, _ []byte) ([]byte, error) {
		request, _ := lambdatest.FromContext(ctx)
		runs := s.ran(request)
		d := roll(s.seed, 'f', runs[0].order.Key, runs[0].run)
		d.grain = s.grain
		select {
		case <-time.After(d.span(f.work)):
		case <-ctx.Done():
		}
		if since := time.Since(s.start); since >= f.from && since < f.to {
			s.fails(request)
			return nil, errors.New("out of order")
		}
		var results []any
		for _, r := range runs {
			switch r.order.Kind {
			case orderPanics:
				panic("poison")
			case orderExits:
				runtime.Goexit()
			case orderFails:
				return nil, errors.New("poison")
			case orderHangs:
				<-ctx.Done()
			case orderFloods:
				return json.Marshal(strings.Repeat("x", maxResponse))
			default:
				results = append(results, r.results()...)
			}
		}
		if f.untidy {
			results = append(results, oneOf[any](d, nil, 7, map[string]any{"id": "unknown", "status": "success"}, map[string]any{"status": "success"}))
			d.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		}
		return json.Marshal(map[string]any{"results": results})
	}
}

// simRun is a record in the function.
type simRun struct {
	*simRecord
	id  string
	run int // of how many
}

// results are what the function answers for the record.
func (r simRun) results() []any {
	result := map[string]any{"id": r.id, "status": "success", "data": plainAnswer{r.order.Key, r.run, string(r.order.Kind)}}
	switch r.order.Kind {
	case orderRefused:
		return []any{map[string]any{"id": r.id, "status": "failure", "error": map[string]any{"type": "Refused", "message": "no"}}}
	case orderRefusedInWords:
		return []any{map[string]any{"id": r.id, "status": "failure", "error": "no"}}
	case orderStrange:
		result["status"] = "perhaps"
	case orderAgain:
		if r.run <= r.order.N {
			return []any{map[string]any{"id": r.id, "status": "retry", "retryAfterMs": 400 * (r.order.N - 1)}}
		}
	case orderMissing:
		return nil
	case orderDoubled:
		return []any{result, result}
	case orderEmpty:
		delete(result, "data")
	case orderUndecodable:
		result["data"] = []int{1}
	default:
	}
	return []any{result}
}
