package lambdabatch_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// scenario is what a seed of the simulation decides beforehand. All times are from
// its start on.
type scenario struct {
	seed      uint64
	mood      mood
	account   []lambdatest.Option
	grain     time.Duration
	functions []*simFunction
	faults    []simFault
	steps     []quotaStep
	limiter   simLimiter
	batchers  []*simBatcher
	records   []*simRecord
	keys      bool // some records have an OrderingKey
}

// mood is how much goes wrong, and so how much can be said of the end.
type mood string

const (
	wild     mood = "wild"     // everything that can go wrong
	poisoned mood = "poisoned" // only records that make the function fail, fewer than it takes to give up a batch
	calm     mood = "calm"     // nothing
)

// simFunction is a Lambda function.
type simFunction struct {
	name     string
	timeout  time.Duration
	work     time.Duration // an invocation takes up to that
	tenants  bool
	durable  bool
	reserved int           // 0: nothing
	from, to time.Duration // it fails whatever it is given
	untidy   bool          // its answers hold results that nobody asked for
}

// simFault is a fault of Lambda's.
type simFault struct {
	effect      lambdatest.Effect
	function    string // empty: any
	skip, count int
}

// quotaStep is a change of the account's quotas.
type quotaStep struct {
	at          time.Duration
	concurrency int
	perSecond   float64
}

// simLimiter is the limiter that all Batchers share.
type simLimiter struct {
	kind      limiterKind
	account   simCeiling
	functions map[string]simCeiling
}

// limiterKind is how a limiter is made.
type limiterKind string

const (
	fixedLimiter    limiterKind = "fixed"
	adaptiveLimiter limiterKind = "adaptive"
	plainLimiter    limiterKind = "FromRate"
)

// simCeiling is a ceiling of a limiter. What is 0 has none.
type simCeiling struct {
	perSecond float64
	burst     int
	inFlight  int
}

// draw makes the scenario of a seed.
func draw(seed uint64) *scenario {
	d := roll(seed)
	d.grain = oneOf(d, 1, 1, 10*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond)
	s := &scenario{seed: seed, grain: d.grain, mood: oneOf(d, wild, wild, wild, wild, wild, poisoned, calm)}
	s.drawFunctions(d)
	s.drawAccount(d)
	if s.mood == wild {
		s.drawTrouble(d)
	}
	s.drawLimiter(d)
	for n := range d.from(1, 4) {
		s.batchers = append(s.batchers, s.drawBatcher(d, n))
	}
	s.drawRecords(d)
	return s
}

func (s *scenario) drawFunctions(d dice) {
	for _, name := range []string{"one", "two", "apart", "durable"} {
		f := &simFunction{name: name, timeout: time.Duration(d.from(2, 10)) * time.Second, tenants: name == "apart", durable: name == "durable"}
		f.work = oneOf(d, 0, d.span(time.Second), d.span(f.timeout/2))
		s.functions = append(s.functions, f)
		if s.mood != wild {
			continue
		}
		f.untidy = d.oneIn(3)
		if d.oneIn(6) {
			f.work = 2 * f.timeout
		}
		if d.oneIn(6) {
			f.reserved = d.from(1, 4)
		}
		if d.oneIn(6) {
			f.from = d.span(10 * time.Second)
			f.to = f.from + d.span(10*time.Second)
		}
	}
}

// maxResponse is the largest response that Lambda lets through.
const maxResponse = 30_000

// drawAccount draws the account's quotas. Each request takes some time: with no wait
// between attempts, a Batcher that is throttled would try for ever at one instant.
func (s *scenario) drawAccount(d dice) {
	s.account = []lambdatest.Option{
		lambdatest.RoundTrip(2 * max(10*time.Millisecond, d.moment(50*time.Millisecond))), lambdatest.PayloadSizes(6<<20, 1<<20, maxResponse),
	}
	if s.mood != wild {
		return
	}
	if d.oneIn(6) {
		s.account = append(s.account, lambdatest.PayloadSizes(d.from(200, 1500), d.from(200, 1500), maxResponse))
	}
	if d.oneIn(4) {
		s.account = append(s.account, lambdatest.AccountConcurrency(d.from(16, 24)), lambdatest.ScalingRate(d.from(1, 4), time.Second))
	}
	if d.oneIn(4) {
		s.account = append(s.account, lambdatest.RequestRate(float64(d.from(1, 20)), d.from(1, 10)))
	}
	if d.oneIn(6) {
		s.account = append(s.account, lambdatest.EventRate(float64(d.from(1, 20)), d.from(1, 10)))
	}
}

// drawTrouble draws what goes wrong at Lambda's, for a while.
func (s *scenario) drawTrouble(d dice) {
	if d.oneIn(3) {
		at := time.Duration(0)
		for range d.from(1, 4) {
			at += d.span(5 * time.Second)
			s.steps = append(s.steps, quotaStep{at, oneOf(d, 1000, d.from(0, 6)), oneOf(d, 1000, 0.2+10*d.Float64())})
		}
		s.steps = append(s.steps, quotaStep{at + d.span(10*time.Second), 1000, 1000})
	}
	if d.oneIn(4) {
		return
	}
	effects := effects()
	for range d.from(1, oneOf(d, 3, 12)) {
		f := simFault{effect: oneOf(d, oneOf(d, effects...)...), skip: d.IntN(12), count: d.from(1, 4)}
		if d.oneIn(4) {
			f.function = oneOf(d, s.functions...).name
		}
		s.faults = append(s.faults, f)
	}
}

// effects are all ways in which an invocation can fail, by their kind.
func effects() [][]lambdatest.Effect {
	var throttles, refusals []lambdatest.Effect
	for _, reason := range append(types.ThrottleReason("").Values(), "Unheard") {
		throttles = append(throttles, lambdatest.Throttle(reason), lambdatest.ThrottleAfter(reason, 2*time.Second))
	}
	for _, f := range append(documented(), undocumented()...) {
		refusals = append(refusals, f.effect)
	}
	respond := func(payload string) lambdatest.Effect { return lambdatest.Respond([]byte(payload)) }
	return [][]lambdatest.Effect{
		throttles, refusals,
		{lambdatest.ServerError(500, ""), lambdatest.ServerError(504, "<html>")},
		{
			lambdatest.ConnectionRefused(), lambdatest.ResetBefore(), lambdatest.ResetAfter(), lambdatest.Truncated(), lambdatest.BlackHole(),
		},
		{
			lambdatest.Unhandled("E", "no"), lambdatest.Handled("E", "no"), lambdatest.TimedOut(), lambdatest.OutOfMemory(),
			lambdatest.Exited(), lambdatest.ResponseTooLarge(),
		},
		{
			respond(""), respond("null"), respond("{}"), respond("fine"), respond(`{"results":{}}`), respond(`{"results":[]}`),
			respond(`{"results":[{"id":"r1","status":"success"`), respond(`{"errorMessage":"no","errorType":"E"}`),
			respond(`{"results":[{"id":"r1","status":"success","data":{"text":"foreign"}},{"id":"r2"},{"id":"r3"},{"id":"r3"},7,null,{}]}`),
		},
		{lambdatest.Latency(500 * time.Millisecond), lambdatest.Latency(20 * time.Second)},
	}
}

func (s *scenario) drawLimiter(d dice) {
	l := &s.limiter
	l.kind = oneOf(d, fixedLimiter, fixedLimiter, adaptiveLimiter, adaptiveLimiter, plainLimiter)
	if l.kind == plainLimiter || d.oneIn(2) {
		l.account.perSecond, l.account.burst = d.perSecond(), d.from(1, 8)
	}
	if l.kind == plainLimiter {
		return
	}
	if !d.oneIn(3) {
		l.account.inFlight = d.from(1, 8)
	}
	l.functions = map[string]simCeiling{}
	for _, f := range s.functions {
		if d.oneIn(4) {
			l.functions[f.name] = simCeiling{d.perSecond(), d.from(1, 4), d.from(1, 4)}
		}
	}
}

// drawRecords draws the records, and who submits them.
func (s *scenario) drawRecords(d dice) {
	d.grain = oneOf(d, 1, d.grain)
	spread := oneOf(d, 0, d.span(time.Second), d.span(10*time.Second), d.span(30*time.Second))
	impatient := s.mood == wild && !d.oneIn(3)
	drawKind := s.kinds(d)
	s.keys = d.oneIn(3)
	for most := oneOf(d, 5, 20, 40, 80); len(s.records) < most; {
		b := oneOf(d, s.batchers...)
		template := simRecord{batcher: b, way: oneOf(d, bySubmit, bySubmit, bySubmit, bySubmit, byDo, byMap), at: d.span(spread)}
		if impatient && d.oneIn(2) {
			template.timeout = oneOf(d, d.moment(time.Second), d.moment(20*time.Second))
		}
		if impatient && d.oneIn(4) {
			template.cancel = oneOf(d, d.moment(time.Second), d.moment(20*time.Second))
		}
		if template.way != byMap || b.function == "apart" { // a Map's records have no tenant
			s.add(d, template, drawKind)
			continue
		}
		m := &simMap{template: template}
		if s.mood == wild && d.oneIn(4) {
			m.stop = d.from(1, 12)
		}
		for range d.from(1, 12) {
			template.at = oneOf(d, 0, 0, d.span(200*time.Millisecond))
			m.records = append(m.records, s.add(d, template, drawKind))
		}
		b.maps = append(b.maps, m)
	}
}

// add makes a record of what is known of it.
func (s *scenario) add(d dice, template simRecord, drawKind func(*simBatcher, *order)) *simRecord {
	r := &template
	b := r.batcher
	if b.function == "apart" {
		r.way = oneOf(d, bySubmit, byDo)
	}
	r.order = order{Key: len(s.records) + 1, Kind: orderPlain, Pad: d.text()}
	drawKind(b, &r.order)
	if r.way != byMap {
		r.id = "r" + strconv.Itoa(r.order.Key)
		switch {
		case d.oneIn(8):
			r.id = oneOf(d, "same", "other")
		case d.oneIn(20):
			r.id = ""
		}
		if b.function == "apart" && (s.mood != wild || !d.oneIn(20)) {
			r.tenant = oneOf(d, "red", "green", "blue")
		}
		if s.keys && d.oneIn(3) {
			r.key = oneOf(d, "left", "right")
		}
		r.bad = s.mood == wild && d.oneIn(100)
	}
	s.records = append(s.records, r)
	b.records = append(b.records, r)
	return r
}

// enough is how many records have to fail alone before a batch is given up.
const enough = 8

// kinds makes what draws the kinds of orders.
func (s *scenario) kinds(d dice) func(*simBatcher, *order) {
	unusual, deadly := oneOf(d, 2, 4, 20), oneOf(d, 2, 5, 20)
	deaths := map[*simBatcher]int{}
	return func(b *simBatcher, o *order) {
		switch {
		case s.mood == calm:
		case s.mood == poisoned:
			if d.oneIn(deadly) && deaths[b] < enough-1 {
				o.Kind = oneOf(d, poisons...)
				deaths[b]++
			}
		case d.oneIn(5 * deadly):
			o.Kind = oneOf(d, poisons...)
		case d.oneIn(50):
			o.Pad = strings.Repeat("x", 5000)
		case d.oneIn(200):
			o.Kind = oneOf(d, orderExitsEncoding, orderExitsDecoding)
		case d.oneIn(unusual):
			o.Kind = oneOf(d, harmless...)
			o.N = d.from(1, 4)
		}
	}
}

// String tells what is not to be seen in the records.
func (s *scenario) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d, %s, %d records, limiter %+v\n", s.seed, s.mood, len(s.records), s.limiter)
	for _, f := range s.functions {
		fmt.Fprintf(&text, "function %+v\n", *f)
	}
	for _, b := range s.batchers {
		fmt.Fprintf(&text, "Batcher %v\n", b)
	}
	for _, f := range s.faults {
		fmt.Fprintf(&text, "fault %v, function %q, skip %d, count %d\n", f.effect, f.function, f.skip, f.count)
	}
	for _, step := range s.steps {
		fmt.Fprintf(&text, "quota %+v\n", step)
	}
	return text.String()
}

// options are what NewLimiter is given.
func (l *simLimiter) options() []lambdabatch.LimiterOption {
	var opts []lambdabatch.LimiterOption
	if l.kind == fixedLimiter {
		opts = append(opts, lambdabatch.Fixed())
	}
	if c := l.account; c.perSecond > 0 {
		opts = append(opts, lambdabatch.Rate(c.perSecond, c.burst))
	}
	if c := l.account; c.inFlight > 0 {
		opts = append(opts, lambdabatch.InFlight(c.inFlight))
	}
	for name, c := range l.functions {
		opts = append(opts, lambdabatch.FunctionRate(name, c.perSecond, c.burst), lambdabatch.FunctionInFlight(name, c.inFlight))
	}
	return opts
}
