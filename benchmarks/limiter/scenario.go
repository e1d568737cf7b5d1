package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// scenario is a quota that moves, and the load on it.
type scenario struct {
	name string
	what string // in a few words

	rate        float64       // invocations a second
	depth       time.Duration // the bucket holds as many tokens as come in this time
	concurrency int
	mean        time.Duration // of an invocation

	length  time.Duration
	changes []change // of the rate, the bucket and the concurrency, by a factor
	walk    float64  // of more changes, at random: the deviation of the factor's logarithm from one to the next
	outage  span     // every call is answered 503
	foreign span     // somebody else uses a part of the rate
	share   float64  // that part

	clients int
	workers int           // of all clients together; saturated
	offered float64       // open loop: the part of the quota that jobs arrive at; 0 is saturated
	joining time.Duration // between a client and the next one
	window  time.Duration // over which fairness is measured; 0 is the last third between two changes
}

// change sets the quota to a factor of the scenario's at an instant.
type change struct {
	at     time.Duration
	factor float64
}

type span struct{ from, to time.Duration }

func (s span) has(at time.Duration) bool { return s.from <= at && at < s.to }

const (
	roundTrip = 10 * time.Millisecond
	spread    = 0.6 // sigma of the logarithm of an invocation's duration
	joining   = 10 * time.Second
	walkEvery = 5 * time.Second
)

// halved is the course that all but the special scenarios take.
func halved(factor float64) []change {
	return []change{{60 * time.Second, factor}, {120 * time.Second, 1}}
}

// basis is what a scenario has unless it says otherwise, and what the flags
// change if no scenario is named.
func basis() scenario {
	return scenario{
		name: "own", what: "as the flags say",
		rate: 100, depth: time.Second, concurrency: 1000, mean: 200 * time.Millisecond,
		length: 180 * time.Second, changes: halved(0.5),
		clients: 1, workers: 256, joining: joining,
	}
}

// scenarios are those that have a name, for one client.
func scenarios() []scenario {
	list := []scenario{
		made("A", "rate 100/s", func(*scenario) {}),
		made("A'", "rate 100/s, bucket of 0.1 s", func(s *scenario) { s.depth = 100 * time.Millisecond }),
		made("B", "concurrency 40", func(s *scenario) { s.rate, s.concurrency = 400, 40 }),
		made("C", "rate 10/s", func(s *scenario) { s.rate = 10 }),
		made("D", "rate 150/s and concurrency 30", func(s *scenario) { s.rate, s.concurrency = 150, 30 }),
		made("E", "rate 1000/s", func(s *scenario) { s.rate, s.concurrency = 1000, 10_000 }),
		made("T1", "rate 60/s at random, bucket of 0.3 s, 0.4 s calls", func(s *scenario) {
			s.rate, s.depth, s.mean = 60, 300*time.Millisecond, 400*time.Millisecond
			s.changes, s.walk = nil, 0.12 // see the README
		}),
		made("T2", "rate 200/s and concurrency 80, 0.4 s calls, to 0.6", func(s *scenario) {
			s.rate, s.concurrency, s.mean = 200, 80, 400*time.Millisecond
			s.changes = halved(0.6)
		}),
		made("T3", "rate 100/s, others take 40 % for a minute", func(s *scenario) {
			s.changes = nil
			s.foreign, s.share = span{60 * time.Second, 120 * time.Second}, 0.4
		}),
		made("outage", "rate 100/s, 503 for 30 s", func(s *scenario) {
			s.changes, s.outage = nil, span{60 * time.Second, 90 * time.Second}
		}),
	}
	for _, s := range list[:4] {
		if s.name == "A'" {
			continue
		}
		s.name += " open"
		s.what += ", 60 % of it offered"
		s.offered = 0.6
		list = append(list, s)
	}
	return append(list,
		made("outage open", "rate 100/s, 60 % of it offered, 503 for 30 s", func(s *scenario) {
			s.changes, s.outage, s.offered = nil, span{60 * time.Second, 90 * time.Second}, 0.6
		}),
		made("A long", "rate 100/s for ten minutes, no change", long),
		made("C long", "rate 10/s for ten minutes, no change", func(s *scenario) {
			long(s)
			s.rate = 10
		}),
	)
}

func made(name, what string, set func(*scenario)) scenario {
	s := basis()
	s.name, s.what = name, what
	set(&s)
	return s
}

func long(s *scenario) {
	s.changes = nil
	s.window = 300 * time.Second
	s.length = 2*s.window + 3*joining
}

// burst is what a bucket of rate holds.
func (s *scenario) burst(factor float64) int {
	return max(1, int(math.Round(s.rate*factor*s.depth.Seconds())))
}

// slots is the concurrency at a factor.
func (s *scenario) slots(factor float64) int {
	return max(1, int(math.Round(float64(s.concurrency)*factor)))
}

// quota is how many invocations a second can succeed.
func (s *scenario) quota(factor float64) float64 {
	return min(s.rate*factor, float64(s.slots(factor))/s.mean.Seconds())
}

// shorter is the scenario with all its times at a part of themselves.
func (s scenario) shorter(part float64) scenario {
	scale := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * part).Round(bin)
	}
	s.length, s.joining, s.window = scale(s.length), scale(s.joining), scale(s.window)
	s.outage = span{scale(s.outage.from), scale(s.outage.to)}
	s.foreign = span{scale(s.foreign.from), scale(s.foreign.to)}
	s.changes = slices.Clone(s.changes)
	for i := range s.changes {
		s.changes[i].at = scale(s.changes[i].at)
	}
	return s
}

// course is the quota over one run.
type course struct {
	*scenario
	steps []change // the first at 0
}

// course is how the scenario goes with this seed.
func (s *scenario) course(seed uint64) course {
	steps := append([]change{{0, 1}}, s.changes...)
	if s.walk > 0 {
		random := rand.New(rand.NewPCG(seed, 1))
		factor := 1.0
		for at := walkEvery; at < s.length; at += walkEvery {
			factor = min(1.6, max(0.4, factor*math.Exp(s.walk*random.NormFloat64())))
			steps = append(steps, change{at, factor})
		}
	}
	return course{s, steps}
}

// factor is the one in force.
func (c course) factor(at time.Duration) float64 {
	i, found := slices.BinarySearchFunc(c.steps, at, func(s change, at time.Duration) int { return int(s.at - at) })
	if found {
		return c.steps[i].factor
	}
	return c.steps[max(0, i-1)].factor
}

// free is how many invocations a second can succeed at an instant.
func (c course) free(at time.Duration) float64 {
	if c.outage.has(at) {
		return 0
	}
	return min(c.freeRate(at), float64(c.slots(c.factor(at)))/c.mean.Seconds())
}

// freeRate is the rate that others leave.
func (c course) freeRate(at time.Duration) float64 {
	r := c.rate * c.factor(at)
	if c.foreign.has(at) {
		r -= c.rate * c.share
	}
	return max(0, r)
}
