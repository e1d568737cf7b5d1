package lambdatest

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// history is what the service remembers. Service.mu protects it and its entries.
type history struct {
	keep    int
	entries []*entry // at least the latest keep
	counts  *Counts
}

// An entry is an invocation with the totals it counts in, which are not those of the history any more after a Reset.
type entry struct {
	Invocation
	counts    *Counts
	execution *execution // of a durable function, from its start on
}

func newHistory(keep int) history {
	return history{keep: keep, counts: &Counts{Reasons: make(map[types.ThrottleReason]int)}}
}

func (h *history) add(req *Request, now time.Time) *entry {
	e := &entry{Invocation: Invocation{Request: *req, At: now}, counts: h.counts}
	h.counts.Requests++
	if h.keep > 0 {
		h.entries = append(h.entries, e)
	}
	if len(h.entries)/2 > h.keep { // now and then, so that it costs little
		h.entries = append([]*entry(nil), h.latest()...)
	}
	return e
}

func (h *history) latest() []*entry {
	return h.entries[max(0, len(h.entries)-h.keep):]
}

func (e *entry) admitted() {
	e.Admitted = true
	e.counts.Admitted++
}

func (e *entry) reattached(ex *execution) {
	e.Reattached = true
	e.execution = ex
}

func (e *entry) executed() {
	e.Executed = true
	e.counts.Executed++
}

func (e *entry) finished(res result, d time.Duration) {
	e.Duration = d
	e.FunctionError = res.functionError
	e.Response = res.payload
}

func (e *entry) answered(rep *reply, now time.Time) {
	if rep.cut != cutSilent {
		e.Answered = now
	}
	if rep.cut == cutNone || rep.cut == cutTruncated {
		e.Status = rep.status
	}
	if !e.Admitted && e.Response == nil {
		e.Response = rep.body
	}
	if rep.status == http.StatusTooManyRequests {
		e.Reason = rep.reason
		e.counts.Throttled++
		e.counts.Reasons[rep.reason]++
	}
}
