package lambdatest

import (
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// An Invocation is one Invoke that the service saw on the wire and what became of it. Its slices and maps must not be changed.
type Invocation struct {
	Request

	// At is when it arrived.
	At time.Time
	// Answered is when its answer left, whoever still waited for it; zero if that is yet to come, and for a [BlackHole].
	Answered time.Time
	// Duration is how long it held its share of the concurrency; zero for one that did not run, or runs still.
	Duration time.Duration
	// Status is the HTTP status of the answer; zero if there was none, as after a reset.
	Status int
	// Reason is why it was throttled; empty for any other.
	Reason types.ThrottleReason
	// FunctionError is Handled or Unhandled if the function failed, that of an Event too.
	FunctionError string
	// Response is the body of the answer, and for an Event what its function answered to nobody.
	Response []byte
	// Admitted tells that the quotas let it in.
	Admitted bool
	// Executed tells that the function was called. It was not if a fault answered in its place.
	Executed bool
	// Reattached tells that an execution of the same DurableExecutionName was there already: the function was not called again.
	// It waits for that execution, without a share of the concurrency, and has its FunctionError and Response. See [Durable].
	Reattached bool
	// Fault names the effects that were used on it, joined by +; empty if there were none.
	Fault string
}

// Counts are totals over the invocations that the service saw. See [Service.Counts].
type Counts struct {
	// Requests is how many there were, refused ones too.
	Requests int
	// Admitted is how many the quotas let in.
	Admitted int
	// Executed is how often a function was called.
	Executed int
	// Throttled is how many were answered 429, by the quotas or by a fault.
	Throttled int
	// Reasons divides Throttled by reason.
	Reasons map[types.ThrottleReason]int
}

// Invocations returns the invocations seen since the Service was made, or since the last [Service.Reset], in the order of arrival:
// refused ones too, and those that still run. It is a copy.
func (s *Service) Invocations() []Invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := s.history.latest()
	out := make([]Invocation, len(latest))
	for i, e := range latest {
		out[i] = e.Invocation
	}
	return out
}

// Counts returns the totals since the Service was made, or since the last [Service.Reset]. [History] does not limit them.
func (s *Service) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := *s.history.counts
	c.Reasons = maps.Clone(c.Reasons)
	return c
}

// InFlight returns how many invocations hold a share of the concurrency now.
func (s *Service) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quota.inFlight
}

// MaxInFlight returns the highest that [Service.InFlight] was since the Service was made, or since the last [Service.Reset].
func (s *Service) MaxInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quota.peak
}

// Reset forgets the invocations and sets the totals to zero. Functions, faults, and the state of the quotas stay. What
// runs then is not counted any more.
func (s *Service) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = newHistory(s.history.keep)
	s.quota.peak = s.quota.inFlight
}
