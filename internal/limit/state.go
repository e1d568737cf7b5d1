package limit

import (
	"context"
	"log/slog"
	"maps"
	"math"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// State is what a Limiter thinks at the moment.
type State struct {
	Account   ScopeState
	Functions map[string]ScopeState // by bare name
}

// ScopeState is a scope's part of it.
type ScopeState struct {
	Rate      float64 // a second; +Inf is without limit
	InFlight  int
	Limit     float64 // of InFlight; +Inf is without limit
	Waiting   int
	Searching bool // for a quota that has not been met yet
	Stopped   bool // by the breaker
	Throttles map[types.ThrottleReason]uint64
}

// State returns what the Limiter thinks at the moment.
func (l *Limiter) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	st := State{Account: l.account.state(), Functions: make(map[string]ScopeState, len(l.functions))}
	for name, f := range l.functions {
		own := f.state()
		own.Waiting = f.line.Len()
		own.Stopped = f.breaker.open
		st.Account.Waiting += own.Waiting
		st.Functions[name] = own
	}
	return st
}

func (s *scope) state() ScopeState {
	st := ScopeState{Rate: math.Inf(1), Limit: math.Inf(1), InFlight: s.inFlight, Throttles: maps.Clone(s.throttles)}
	if s.rate != nil {
		st.Rate = s.ceiling.PerSecond
	}
	if s.ceiling.InFlight > 0 {
		st.Limit = float64(s.ceiling.InFlight)
	}
	if s.pace != nil {
		st.Rate = min(st.Rate, s.pace.level)
		st.Searching = s.pace.searching
	}
	if s.slots != nil {
		st.Limit = min(st.Limit, s.slots.level)
		st.Searching = st.Searching || s.slots.searching
	}
	return st
}

// news is something to be logged.
type news struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

// The kinds of news.
const (
	cutNews    = "lambdabatch: throttled, the limit is cut"
	openNews   = "lambdabatch: no answers, invocations are stopped but for single probes"
	closedNews = "lambdabatch: answers again, invocations go on"
)

// tell keeps news for the log. Nothing is logged under the lock: a handler is
// code of others.
func (l *Limiter) tell(message, name string, s *scope, reason types.ThrottleReason) {
	if l.cfg.Logger == nil {
		return
	}
	n := news{level: slog.LevelInfo, message: message, attrs: []slog.Attr{slog.String("scope", name)}}
	if message == openNews {
		n.level = slog.LevelWarn
	}
	if reason != "" || message == cutNews {
		n.level = slog.LevelDebug
		st := s.state()
		n.attrs = append(n.attrs, slog.String("reason", string(reason)), slog.Float64("rate", st.Rate), slog.Float64("limit", st.Limit))
	}
	l.news = append(l.news, n)
}

// unlock gives the lock up, and then logs what happened under it.
func (l *Limiter) unlock() {
	unsaid := l.news
	l.news = nil
	l.mu.Unlock()
	for _, n := range unsaid {
		l.cfg.Logger.LogAttrs(context.Background(), n.level, n.message, n.attrs...)
	}
}
