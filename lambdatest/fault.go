package lambdatest

import (
	"slices"
	"strings"
	"time"
)

// A Fault makes invocations fail, or go slowly, as long as it is in force. [Service.Fault] makes it.
type Fault struct {
	service *Service
	effect  Effect
	aim     aim

	seen, hits int // service.mu protects them
}

// Fault puts e in force for the invocations that all aims match: all of them if there is no aim. Faults are tried in the order
// they were added, and the first that matches is used; [Latency] goes on to those after it. It panics if e is the zero Effect.
//
// An effect at Lambda's door, such as [Throttle], comes before the quotas and uses none. An effect in place of the function,
// such as [Unhandled], or after it, such as [ResetAfter], is for invocations that are valid and that the quotas let in:
// they use them like any other, and a fault does not hit those that the service itself refuses.
func (s *Service) Fault(e Effect, aims ...Aim) *Fault {
	if e.stage == 0 {
		panic("lambdatest: Fault: the zero Effect")
	}
	f := &Fault{service: s, effect: e, aim: aim{count: -1}}
	for _, a := range aims {
		a.applyTo(&f.aim)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return f
}

// Hits returns how many invocations the fault was used for. Safe for concurrent use.
func (f *Fault) Hits() int {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	return f.hits
}

// Remove ends the fault for the invocations to come. Removing it again does no harm. Safe for concurrent use.
func (f *Fault) Remove() {
	s := f.service
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(other *Fault) bool { return other == f })
	f.aim.count = f.hits // for the invocations that are looking at it
}

// An Aim narrows down which invocations a [Fault] is for. It is a value, which may be used again: the counts are the fault's.
type Aim interface{ applyTo(*aim) }

type aimFunc func(*aim)

func (f aimFunc) applyTo(a *aim) { f(a) }

type aim struct {
	when  []func(*Request) bool
	skip  int
	count int // -1: no end
}

// When aims at the invocations that f is true of. f is asked about every invocation, even if another fault is used in the end;
// it is called from many goroutines at once, may use the Service, and must not change the request. Given more than once,
// all must be true.
func When(f func(*Request) bool) Aim {
	if f == nil {
		panic("lambdatest: When(nil)")
	}
	return aimFunc(func(a *aim) { a.when = append(a.when, f) })
}

// OnFunction aims at the invocations of one function, by its bare name, however it is addressed.
func OnFunction(name string) Aim {
	return When(func(r *Request) bool { return r.Function == name })
}

// Count ends the fault after the first n invocations it was used for. Default: it has no end.
func Count(n int) Aim {
	notNegative("Count", n)
	return aimFunc(func(a *aim) { a.count = n })
}

// Skip lets n invocations that the other aims match pass first. Default: 0.
func Skip(n int) Aim {
	notNegative("Skip", n)
	return aimFunc(func(a *aim) { a.skip = n })
}

// aimed returns the faults that are for req, leaving aside their counts.
func (s *Service) aimed(req *Request) []*Fault {
	s.mu.Lock()
	faults := slices.Clone(s.faults)
	s.mu.Unlock()
	return slices.DeleteFunc(faults, func(f *Fault) bool {
		return slices.ContainsFunc(f.aim.when, func(when func(*Request) bool) bool { return !when(req) })
	})
}

// A pick is what the faults do to one invocation.
type pick struct {
	seen, hit []*Fault
	latency   time.Duration
	effect    Effect // the zero Effect: none but perhaps latency
}

// choose makes the pick out of the faults that are for the invocation. It changes nothing; commit does.
func choose(aimed []*Fault) pick {
	var p pick
	for _, f := range aimed {
		spent := f.aim.count >= 0 && f.hits >= f.aim.count
		if spent {
			continue
		}
		p.seen = append(p.seen, f)
		if f.seen < f.aim.skip {
			continue
		}
		p.hit = append(p.hit, f)
		if f.effect.stage != stageLatency {
			p.effect = f.effect
			break
		}
		p.latency += f.effect.latency
	}
	return p
}

// commit counts what the pick used.
func (p pick) commit() {
	for _, f := range p.seen {
		f.seen++
	}
	for _, f := range p.hit {
		f.hits++
	}
}

// name is for [Invocation.Fault].
func (p pick) name() string {
	names := make([]string, len(p.hit))
	for i, f := range p.hit {
		names[i] = f.effect.name
	}
	return strings.Join(names, "+")
}
