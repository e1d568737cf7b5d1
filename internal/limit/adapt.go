package limit

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// adapt moves the controllers by what came of an invocation: of a throttle just
// the one that its Reason names.
func (l *Limiter) adapt(p *Permit, u Use, now time.Time) {
	f := p.function
	switch u.Outcome {
	case NotUsed: // says nothing
	case Answered:
		took := now.Sub(p.startedAt)
		l.account.succeeded(took, p.account)
		f.succeeded(took, p.inLine)
		l.health(p, false, now)
	case Failed:
		l.health(p, true, now)
	case Throttled:
		l.throttled(p, u, now)
		if p.probe {
			// It is alive, and says so.
			l.health(p, false, now)
		}
	}
}

func (l *Limiter) throttled(p *Permit, u Use, now time.Time) {
	f := p.function
	scope, name := &l.account, "account"
	var cut bool
	switch u.Reason {
	case types.ThrottleReasonConcurrentInvocationLimitExceeded:
		cut = scope.slotsShort(p.account, p.startedAt, now)
	case types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded:
		scope, name = &f.scope, f.name
		cut = scope.slotsShort(p.inLine, p.startedAt, now)
	case types.ThrottleReasonFunctionInvocationRateLimitExceeded, types.ThrottleReasonReservedFunctionInvocationRateLimitExceeded:
		scope, name = &f.scope, f.name
		cut = scope.rateShort(l.cfg.Probe, p.startedAt, now)
	case types.ThrottleReasonConcurrentSnapshotCreateLimitExceeded:
		// Neither rate nor number in flight: the retry's own wait has to do.
		scope, name = &f.scope, f.name
	default:
		// To start less is the safe side when it is not known what is short.
		cut = scope.rateShort(l.cfg.Probe, p.startedAt, now)
	}
	scope.throttles[u.Reason]++
	if u.RetryAfter > 0 {
		scope.hold(now.Add(holdFor(u.RetryAfter)))
	}
	if cut {
		l.tell(cutNews, name, scope, u.Reason)
	}
}

// health lets f's breaker know whether Lambda answered. When it does again, its
// functions come back slowly: others wait for the same moment.
func (l *Limiter) health(p *Permit, failed bool, now time.Time) {
	f := p.function
	opened, closed, away := f.breaker.ended(failed, p.probe, now)
	switch {
	case opened:
		l.tell(openNews, f.name, &f.scope, "")
	case closed:
		if f.pace == nil && l.account.pace != nil {
			f.pace = newPace(l.account.pace.level, l.cfg.Probe)
		}
		if f.pace != nil && away {
			f.pace.slowStart(f.pace.level/4, now)
		}
		l.tell(closedNews, f.name, &f.scope, "")
	}
}
