package main

import "math"

const oracleName = "oracle"

// strategy is a way to keep to a quota.
type strategy struct {
	name string
	note string // what a reader has to know about its numbers

	several bool    // makes sense for more than one client only
	part    float64 // of the time, when saturated: for those that make many calls in vain
	few     bool    // no more workers than half as many again as the quota can use: for those that would make millions

	callers func(*bench) ([]caller, error) // one for each client
}

func strategies() []strategy {
	return []strategy{
		{name: "lambdabatch", part: 1, callers: adaptive},
		{name: "lambdabatch shared", part: 1, several: true, note: "one limiter for all clients", callers: adaptiveShared},
		{name: "naive retry", part: 1.0 / 6, few: true, note: "10 ms between attempts", callers: looping(constant)},
		{name: "full jitter only", part: 1, note: "100 ms to 5 s", callers: looping(fullJitter)},
		{name: "SDK standard", part: 1.0 / 3, note: "gives up after 3 attempts, or when its retry quota is used up", callers: sdkStandard},
		{name: "SDK adaptive", part: 1, note: "asks for its token each ms", callers: sdkAdaptive},
		{name: "fixed 8/s", part: 1, note: "burst 15, gives up after 5 retries", callers: fixed},
		{name: "CUBIC repaired", part: 1, note: "rate only", callers: cubicCallers},
		oracleStrategy(),
	}
}

// crowd is how many workers share the jobs, 0 is one for each job.
func (st strategy) crowd(s *scenario) int {
	switch {
	case st.few:
		return min(s.workers, 16+int(math.Ceil(1.5*s.quota(1)*s.mean.Seconds())))
	case s.offered > 0:
		return 0
	default:
		return s.workers
	}
}

// shown is the scenario as the strategy is put through it.
func (st strategy) shown(s scenario) scenario {
	if st.part < 1 && s.offered == 0 {
		return s.shorter(st.part)
	}
	return s
}
