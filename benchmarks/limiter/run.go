package main

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// caller does the jobs of one client.
type caller interface {
	// do does one job, with all the retries that belong to it. It may be called
	// concurrently. When ctx ends it gives up waiting.
	do(ctx context.Context) error
	close()
}

// bench is what a strategy gets to make its callers of.
type bench struct {
	course  course
	service *lambdatest.Service
	log     *recording
	start   time.Time
	ideas   []func() idea
}

func (b *bench) wire(client int) *wire {
	return &wire{http: b.service.HTTPClient(), client: client, log: b.log}
}

// think makes the limiter's idea part of the recording; of several limiters, their
// sum.
func (b *bench) think(f func() idea) { b.ideas = append(b.ideas, f) }

// simulate runs one strategy through one scenario, inside a bubble.
func simulate(st strategy, s *scenario, seed uint64) (*recording, error) {
	c := s.course(seed)
	service := lambdatest.New(
		lambdatest.RequestRate(s.rate, s.burst(1)),
		lambdatest.AccountConcurrency(s.slots(1)),
		lambdatest.ScalingRate(1_000_000, time.Second),
		lambdatest.RoundTrip(roundTrip),
		lambdatest.History(0),
	)
	defer service.Close()
	service.Handle(function, work(s.mean, seed), lambdatest.Timeout(15*time.Minute))
	service.Handle("foreign", func(context.Context, []byte) ([]byte, error) { return nil, nil })

	b := &bench{course: c, service: service, log: newRecording(s.length, s.clients), start: time.Now()}
	callers, err := st.callers(b)
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeout(context.Background(), s.length)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { b.quota(ctx) })
	wg.Go(func() { b.foreign(ctx) })
	wg.Go(func() { b.watch(ctx) })
	for i, one := range callers {
		arrivals := rand.New(rand.NewPCG(seed, 10+uint64(i)))
		wg.Go(func() {
			if !sleep(ctx, time.Duration(i)*s.joining) {
				return
			}
			if s.offered > 0 {
				b.arrive(ctx, one, st.crowd(s), arrivals)
			} else {
				b.saturate(ctx, one, st.crowd(s))
			}
		})
	}
	wg.Wait()
	for _, one := range callers {
		one.close()
	}
	return b.log, nil
}

// sleep reports false if ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// work is a function whose invocations take a lognormal time.
func work(mean time.Duration, seed uint64) lambdatest.Function {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 2))
	mu0 := math.Log(mean.Seconds()) - spread*spread/2
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		mu.Lock()
		d := math.Exp(mu0 + spread*random.NormFloat64())
		mu.Unlock()
		sleep(ctx, time.Duration(d*float64(time.Second)))
		return answer(payload), nil
	}
}

// quota moves the quota, and makes the outage.
func (b *bench) quota(ctx context.Context) {
	c := b.course
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if c.outage.to == 0 || !sleep(ctx, c.outage.from) {
			return
		}
		slow := b.service.Fault(lambdatest.Latency(50 * time.Millisecond))
		down := b.service.Fault(lambdatest.Status(http.StatusServiceUnavailable, "ServiceUnavailableException", "Service Unavailable"))
		sleep(ctx, c.outage.to-c.outage.from)
		slow.Remove()
		down.Remove()
	})
	for _, step := range c.steps[1:] {
		if !sleep(ctx, step.at-time.Since(b.start)) {
			return
		}
		b.service.SetRequestRate(c.rate*step.factor, c.burst(step.factor))
		b.service.SetAccountConcurrency(c.slots(step.factor))
	}
}

// foreign uses a part of the rate, evenly, and does not care for throttles.
func (b *bench) foreign(ctx context.Context) {
	c := b.course
	if c.share == 0 || !sleep(ctx, c.foreign.from) {
		return
	}
	client := b.service.HTTPClient()
	u := *target
	u.Path = "/2015-03-31/functions/foreign/invocations"
	var wg sync.WaitGroup
	defer wg.Wait()
	every := time.Duration(float64(time.Second) / (c.rate * c.share))
	for c.foreign.has(time.Since(b.start)) {
		wg.Go(func() {
			r := (&http.Request{Method: http.MethodPost, URL: &u, Header: http.Header{}}).WithContext(context.WithoutCancel(ctx))
			if resp, err := client.Do(r); err == nil {
				_ = resp.Body.Close()
			}
		})
		if !sleep(ctx, every) {
			return
		}
	}
}

// watch asks the limiters for their idea once a bin.
func (b *bench) watch(ctx context.Context) {
	for len(b.ideas) > 0 && sleep(ctx, bin) {
		var sum idea
		for _, f := range b.ideas {
			one := f()
			sum.rate += one.rate
			sum.slots += one.slots
		}
		b.log.ideas = append(b.log.ideas, sum)
	}
}

// breather is for workers whose job has failed: who gives up at once and takes
// the next job makes some 10,000 calls a second, and nothing is learned of them.
const breather = time.Second

// saturate keeps a client's workers busy until ctx ends.
func (b *bench) saturate(ctx context.Context, one caller, workers int) {
	var wg sync.WaitGroup
	for range max(1, workers/b.course.clients) {
		wg.Go(func() {
			for ctx.Err() == nil {
				since := time.Now()
				err := one.do(ctx)
				if ctx.Err() == nil {
					b.log.job(since, err)
				}
				if err != nil {
					sleep(ctx, breather)
				}
			}
		})
	}
	wg.Wait()
}

// arrive has jobs come at random, as those of many users do, whether or not
// earlier ones are done. At most workers of them are under way, if that is not
// 0; the others wait in line.
func (b *bench) arrive(ctx context.Context, one caller, workers int, random *rand.Rand) {
	c := b.course
	perSecond := c.quota(1) * c.offered / float64(c.clients)
	line := make(chan struct{}, 1)
	if workers > 0 {
		line = make(chan struct{}, max(1, workers/c.clients))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for sleep(ctx, time.Duration(random.ExpFloat64()/perSecond*float64(time.Second))) {
		since := time.Now()
		wg.Go(func() {
			if workers > 0 {
				select {
				case line <- struct{}{}:
					defer func() { <-line }()
				case <-ctx.Done():
				}
			}
			err := ctx.Err()
			if err == nil {
				err = one.do(ctx)
			}
			if ctx.Err() == nil {
				b.log.job(since, err)
			} else {
				b.log.left(since)
			}
		})
	}
}
