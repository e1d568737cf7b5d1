package main

import "math"

// strategy is a way to keep to a quota.
type strategy struct {
	name string
	note string // what a reader has to know about its numbers

	// frantic strategies make as many calls as their workers can, almost all of
	// them in vain. They get fewer workers and less time, or they would take most
	// of a run of the whole.
	frantic bool
	several bool // makes sense for more than one client only

	callers func(*bench) ([]caller, error) // one for each client
}

const franticPart = 1.0 / 3

func strategies() []strategy {
	return []strategy{
		{name: "lambdabatch", callers: adaptive},
		{name: "lambdabatch shared", several: true, note: "one limiter for all clients", callers: adaptiveShared},
		{name: "naive retry", frantic: true, note: "10 ms between attempts", callers: looping(constant)},
		{name: "full jitter only", note: "100 ms to 5 s", callers: looping(fullJitter)},
		{name: "SDK standard", note: "gives up after 3 attempts, or at once when its retry quota is used up", callers: sdkStandard},
		{name: "SDK adaptive", note: "asks for its token each ms", callers: sdkAdaptive},
		{name: "fixed 8/s", note: "burst 15, gives up after 5 retries", callers: fixed},
		{name: "CUBIC repaired", callers: cubicCallers},
		{name: "oracle", note: "knows the quota; one for all clients", callers: oracleCallers},
	}
}

// crowd is how many workers share the jobs, 0 is one for each job.
func (st strategy) crowd(s *scenario) int {
	switch {
	case st.frantic: // twice as many as the quota can use, and some
		return min(s.workers, 16+int(math.Ceil(2*s.quota(1)*s.mean.Seconds())))
	case s.offered > 0:
		return 0
	default:
		return s.workers
	}
}

// shown is the scenario as the strategy is put through it.
func (st strategy) shown(s scenario) scenario {
	if st.frantic && s.offered == 0 {
		return s.shorter(franticPart)
	}
	return s
}
