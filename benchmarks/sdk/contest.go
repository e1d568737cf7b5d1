package main

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/google/pprof/profile"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/stat"
)

// contest is a row on a course. It is a line of one of the tables.
type contest struct {
	table    string
	row      row
	course   course
	samples  []sample
	profiles []*profile.Profile // of the runs
	shares   shares             // of all of them together
}

// sample is what came of one run. What is not said to be otherwise is per record.
type sample struct {
	cpu, serverCPU float64 // µs
	allocs, bytes  float64
	perSecond      float64 // records in a second
	perInvocation  float64 // records in an invocation
	payload        float64 // bytes in an invocation
	connections    float64 // that were made meanwhile
}

func (c *contest) of(what func(sample) float64) stat.Spread { return stat.Of(c.samples, what) }

func (c *contest) cpu() stat.Spread       { return c.of(func(s sample) float64 { return s.cpu }) }
func (c *contest) perSecond() stat.Spread { return c.of(func(s sample) float64 { return s.perSecond }) }

// poolBytes is how much memory the records of a pool take: it goes round in the caches,
// but for the largest ones.
const poolBytes = 4 << 20

func newPool(size int) []*orders.Record {
	return orders.Pool(max(poolBytes/size, 8*producers), size)
}

// run runs the contest once, for about a time. A tenth of it comes before, to make
// connections and to fill caches.
func (c *contest) run(length time.Duration) error {
	pool := newPool(c.course.size)
	sender, err := c.row.start(&c.course)
	if err != nil {
		return err
	}
	if _, err = sender.timed(pool, length/10); err == nil {
		err = c.measure(sender, pool, length)
	}
	if finished := sender.finish(); err == nil {
		err = finished
	}
	if err != nil {
		return fmt.Errorf("%s, %d records a batch, %d in flight: %w", c.row.name, c.course.records, c.course.inFlight, err)
	}
	return nil
}

// timed runs for about a time.
func (s *sender) timed(pool []*orders.Record, length time.Duration) (int, error) {
	var stop atomic.Bool
	timer := time.AfterFunc(length, func() { stop.Store(true) })
	defer timer.Stop()
	return s.run(pool, &stop)
}

// measure begins with an empty heap, so that no row collects what another has left. The
// profile is of the same run that is measured: it takes a hundred samples a second.
func (c *contest) measure(sender *sender, pool []*orders.Record, length time.Duration) error {
	runtime.GC()
	server, err := c.course.server.tally()
	if err != nil {
		return err
	}
	var cpuProfile bytes.Buffer
	if err := pprof.StartCPUProfile(&cpuProfile); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, used := time.Now(), cpuTime()
	n, err := sender.timed(pool, length)
	took := time.Since(began)
	used = cpuTime() - used
	runtime.ReadMemStats(&after)
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	done, err := c.course.server.tally()
	if err != nil {
		return err
	}
	if got := done.Records - server.Records; got != int64(n) {
		return fmt.Errorf("the server has handled %d records, and %d came back", got, n)
	}
	parsed, err := profile.Parse(&cpuProfile)
	if err != nil {
		return err
	}
	c.profiles = append(c.profiles, parsed)
	c.shares.add(parsed)
	records, invocations := float64(n), float64(done.Invocations-server.Invocations)
	micros := func(d time.Duration) float64 { return d.Seconds() * 1e6 / records }
	c.samples = append(c.samples, sample{
		cpu:           micros(used),
		serverCPU:     micros(done.CPU - server.CPU),
		allocs:        float64(after.Mallocs-before.Mallocs) / records,
		bytes:         float64(after.TotalAlloc-before.TotalAlloc) / records,
		perSecond:     records / took.Seconds(),
		perInvocation: records / invocations,
		payload:       float64(done.Bytes-server.Bytes) / invocations,
		connections:   float64(done.Connections - server.Connections),
	})
	return nil
}
