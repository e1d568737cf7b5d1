package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A sandbox is one execution environment of a program. One invocation at a time has it.
type sandbox struct {
	pool    *pool
	tenant  string
	started bool     // its init phase is over, well or not
	process *process // nil before the first one, and after a reset
}

// runProgram has an environment of the program answer the invocation.
func (s *Service) runProgram(set settings, req *Request, log *tail) result {
	sb := set.pool.take(req.Tenant)
	defer set.pool.give(sb)
	if !sb.started {
		sb.started = true
		sb.initialize(s.ctx, log)
	}

	// From here on it is the function's time. It has the process start first if the init phase failed, or the last invocation.
	deadline := time.Now().Add(set.timeout)
	ctx, cancel := context.WithDeadline(s.ctx, deadline)
	defer cancel()
	if sb.process == nil {
		if err := sb.start(ctx, "invoke", log); err != nil {
			return s.failure(err, req, set, log)
		}
	}
	j := newJob(req, deadline)
	err := sb.process.invoke(ctx, j, log)
	if err == nil {
		return j.result
	}
	sb.end() // before the last lines of the log
	res := s.failure(err, req, set, log)
	if j.answered {
		return j.result // what came later is only in the log
	}
	return res
}

// initialize is the init phase. If it fails there is no process after it.
func (sb *sandbox) initialize(service context.Context, log *tail) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(service, sb.pool.program.InitTimeout)
	defer cancel()
	err := sb.start(ctx, "init", log)
	log.initialized(time.Since(begin), err == nil)
}

// start starts a process and waits until it is ready for an invocation. If it fails there is no process after it.
func (sb *sandbox) start(ctx context.Context, phase string, log *tail) error {
	begin := time.Now()
	p, err := startProcess(sb.pool, log)
	if err == nil {
		sb.process = p
		err = p.awaitReady(ctx)
	}
	if err == nil {
		return nil
	}
	sb.end() // before the last line of the log
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: ", milliseconds(time.Since(begin)), phase)
	if kind := kindOf(err); kind == "" {
		log.printf("%stimeout", line)
	} else {
		log.printf("%serror\tError Type: %s", line, kind)
	}
	return err
}

// end ends the process, if there is one. The nil sandbox has none.
func (sb *sandbox) end() {
	if sb != nil && sb.process != nil {
		sb.process.end()
		sb.process = nil
	}
}

// failure is the result of an invocation that ended in err.
func (s *Service) failure(err error, req *Request, set settings, log *tail) result {
	var reported *initError
	kind := kindOf(err)
	switch {
	case s.ctx.Err() != nil:
		return result{gone: true}
	case errors.As(err, &reported):
		return reported.result
	case kind == "":
		return timedOut(req, set.timeout, log)
	}
	text := fmt.Sprintf("RequestId: %s Error: %v", req.RequestID, err)
	log.printf("%s\n%s", text, kind)
	return failed(unhandled, kind, text)
}
