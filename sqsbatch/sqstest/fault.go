package sqstest

import (
	"slices"
	"time"
)

// A Request is a call as an [Aim] sees it.
type Request struct {
	Operation string   // "ReceiveMessage", for example
	Queue     string   // its name
	Entries   []string // the IDs of the entries of a batch
}

// An Effect is what a [Fault] does to a call. It is a value, which may be used in many faults.
type Effect struct {
	status        int
	code, message string
	latency       time.Duration
	before, after bool // lost
	fail          func(entry int) bool
	senderFault   bool
}

// Refuse answers with an error of the API: a status of 400 or more with its code, as 400 with "OverLimit".
func Refuse(status int, code, message string) Effect {
	return Effect{status: status, code: code, message: message}
}

// AccessDenied answers as for a client without the permission.
func AccessDenied() Effect {
	return Refuse(400, "AccessDeniedException", "User is not authorized to perform this action")
}

// Throttle answers as SQS does for a rate that is exceeded.
func Throttle() Effect { return Refuse(400, "RequestThrottled", "Rate exceeded") }

// Latency makes the call take d longer. Faults that were added later apply too.
func Latency(d time.Duration) Effect { return Effect{latency: d} }

// LoseRequest resets the connection before the service does anything.
func LoseRequest() Effect { return Effect{before: true} }

// LoseAnswer resets the connection after the service has done its work.
func LoseAnswer() Effect { return Effect{after: true} }

// FailEntries fails those entries of a batch that which is true of, by their place from 0, and does the others. A nil which fails all. Calls that are no
// batches are done.
func FailEntries(code string, senderFault bool, which func(entry int) bool) Effect {
	if which == nil {
		which = func(int) bool { return true }
	}
	return Effect{code: code, senderFault: senderFault, fail: which}
}

// A Fault makes calls fail as long as it is in force. [Service.Fault] makes it.
type Fault struct {
	service *Service
	effect  Effect
	aim     aim

	seen, hits int // service.mu protects them
}

// Fault puts e in force for the calls that all aims match. Faults are tried in the order they were added, and the first that matches is used; [Latency] goes
// on to those after it.
func (s *Service) Fault(e Effect, aims ...Aim) *Fault {
	f := &Fault{service: s, effect: e, aim: aim{count: -1}}
	for _, a := range aims {
		a.applyTo(&f.aim)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return f
}

// Hits is how many calls the fault was used for.
func (f *Fault) Hits() int {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	return f.hits
}

// Remove ends the fault for the calls to come.
func (f *Fault) Remove() {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	f.service.faults = slices.DeleteFunc(f.service.faults, func(other *Fault) bool { return other == f })
}

// An Aim narrows down which calls a [Fault] is for.
type Aim interface{ applyTo(*aim) }

type aimFunc func(*aim)

func (f aimFunc) applyTo(a *aim) { f(a) }

type aim struct {
	when  []func(Request) bool
	skip  int
	count int // -1: no end
}

// When aims at the calls that f is true of. f must not use the Service.
func When(f func(Request) bool) Aim {
	return aimFunc(func(a *aim) { a.when = append(a.when, f) })
}

// OnOperation aims at the calls of one operation, "DeleteMessageBatch" for example.
func OnOperation(name string) Aim { return When(func(r Request) bool { return r.Operation == name }) }

// OnQueue aims at the calls for one queue.
func OnQueue(q *Queue) Aim { return When(func(r Request) bool { return r.Queue == q.name }) }

// Count ends the fault after the first n calls it was used for. Default: it has no end.
func Count(n int) Aim { return aimFunc(func(a *aim) { a.count = n }) }

// Skip lets n calls that the other aims match pass first. Default: 0.
func Skip(n int) Aim { return aimFunc(func(a *aim) { a.skip = n }) }

// choose takes the fault for a call, and the latency before. The caller holds s.mu.
func (s *Service) choose(r Request) (effect Effect, latency time.Duration) {
	for _, f := range s.faults {
		if f.aim.count >= 0 && f.hits >= f.aim.count ||
			slices.ContainsFunc(f.aim.when, func(when func(Request) bool) bool { return !when(r) }) {
			continue
		}
		f.seen++
		if f.seen <= f.aim.skip {
			continue
		}
		f.hits++
		if f.effect.latency == 0 {
			return f.effect, latency
		}
		latency += f.effect.latency
	}
	return Effect{}, latency
}
