package lambdatest

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// invoke is the operation Invoke: POST /2015-03-31/functions/{FunctionName}/invocations.
func (s *Service) invoke(c *call, params []string) *reply {
	req, refusal := s.parseInvoke(c, params[0])
	aimed := s.aimed(req)

	s.mu.Lock()
	now := time.Now()
	if s.executions[req.DurableExecutionName] != nil {
		aimed = withoutFunction(aimed)
	}
	p := choose(aimed)
	if p.effect.stage == stageDial {
		p.commit()
		s.mu.Unlock()
		s.sleep(p.latency)
		return p.effect.door(req)
	}
	if !c.accept() {
		s.mu.Unlock()
		return &reply{cut: cutReset}
	}
	inv := s.history.add(req, now)
	rep, start := s.enter(req, refusal, inv, p, now)
	s.mu.Unlock()

	if p.effect.stage == stageDoor {
		rep = p.effect.door(req)
		if !s.sleep(p.latency) {
			rep = &reply{cut: cutReset}
		}
	}
	if start != nil {
		rep = start()
	}
	if rep.status != 0 && !rep.foreign {
		rep.header.Set(headerRequestID, req.RequestID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inv.answered(rep, time.Now())
	return rep
}

// enter decides about an invocation, all at one instant: it is refused by the reply, or start goes on with it outside the lock,
// or, with neither, a fault at the door has it.
func (s *Service) enter(req *Request, refusal *reply, inv *entry, p pick, now time.Time) (rep *reply, start func() *reply) {
	if p.effect.stage == stageDoor {
		p.commit()
		inv.Fault = p.name()
		return nil, nil
	}
	if refusal != nil {
		return refusal, nil
	}
	fn := s.functions[req.Function]
	if refusal := s.refuse(fn, req); refusal != nil {
		return refusal, nil
	}
	earlier := s.executions[req.DurableExecutionName]
	switch {
	case req.Type == types.InvocationTypeDryRun:
		return &reply{status: http.StatusNoContent, header: make(http.Header)}, nil
	case req.Type == types.InvocationTypeEvent:
		return s.enterEvent(fn, req, inv, p, now), nil
	case earlier != nil:
		if reason := s.quota.pass(fn, now); reason != "" {
			return throttled(reason), nil
		}
		inv.reattached(earlier)
		start = func() *reply { return s.reattach(earlier, inv, p) }
	default:
		sl, reason := s.quota.admit(fn, now)
		if reason != "" {
			return throttled(reason), nil
		}
		inv.execution = s.begin(fn, req)
		set := fn.settings
		start = func() *reply { return s.foreground(sl, set, req, inv, p) }
	}
	p.commit()
	inv.Fault = p.name()
	inv.admitted()
	return nil, start
}

// enterEvent is enter for an Event, which is answered before it runs.
func (s *Service) enterEvent(fn *function, req *Request, inv *entry, p pick, now time.Time) *reply {
	if s.quota.events != nil && !s.quota.events.has(now) {
		return throttled(types.ThrottleReasonCallerRateLimitExceeded)
	}
	s.quota.events.take()
	p.commit()
	inv.Fault = p.name()
	if earlier := s.executions[req.DurableExecutionName]; earlier != nil {
		inv.reattached(earlier)
	} else if fn.on() {
		inv.execution = s.begin(fn, req)
		w := s.quota.enqueue(fn, now)
		s.spawnLocked(func() { s.background(w, req, inv, p) })
	}
	return cutOff(inv.execution.named(&reply{status: http.StatusAccepted, header: make(http.Header)}), p)
}

// foreground runs an invocation that was let in and answers it.
func (s *Service) foreground(sl slot, set settings, req *Request, inv *entry, p pick) *reply {
	log := &tail{}
	res := s.execute(sl, set, req, inv, p, log)
	if res.gone {
		return &reply{cut: cutReset}
	}
	rep := inv.execution.named(ran(res, req.Qualifier))
	if req.LogType == types.LogTypeTail {
		rep.header.Set("X-Amz-Log-Result", log.base64())
	}
	return cutOff(rep, p)
}

// ran is the answer for a function that has run.
func ran(res result, qualifier string) *reply {
	rep := &reply{
		status: http.StatusOK,
		header: http.Header{
			"Content-Type":           {"application/json"},
			"X-Amz-Executed-Version": {executedVersion(qualifier)},
		},
		body: res.payload,
	}
	if res.functionError != "" {
		rep.header.Set("X-Amz-Function-Error", res.functionError)
	}
	return rep
}

// background runs an Event when there is an environment for it.
func (s *Service) background(w *waiter, req *Request, inv *entry, p pick) {
	sl, ok := s.await(w)
	if !ok {
		s.drop(inv.execution, req)
		return
	}
	s.mu.Lock()
	inv.admitted()
	set := w.function.settings
	s.mu.Unlock()
	s.execute(sl, set, req, inv, p, &tail{})
}

// execute runs the function, or what a fault puts in its place, in the environment of sl, and leaves that.
func (s *Service) execute(sl slot, set settings, req *Request, inv *entry, p pick, log *tail) result {
	start := time.Now()
	log.start(req)
	var res result
	switch {
	case !s.sleep(p.latency):
		res = result{gone: true}
	case p.effect.stage == stageFunction:
		res = p.effect.replace(s, set, req, log)
	default:
		s.mu.Lock()
		inv.executed()
		s.mu.Unlock()
		res = s.run(set, req, log)
	}
	now := time.Now()
	log.end(req, now.Sub(start))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quota.release(sl, now)
	inv.finished(res, now.Sub(start))
	inv.execution.finish(res)
	return res
}

func cutOff(rep *reply, p pick) *reply {
	if p.effect.stage != stageAfter {
		return rep
	}
	rep.cut = p.effect.cut
	if rep.cut == cutTruncated && len(rep.body) == 0 {
		rep.cut = cutReset
	}
	return rep
}
