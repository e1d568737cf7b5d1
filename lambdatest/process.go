package lambdatest

import (
	"context"
	"errors"
	"os/exec"
	"time"
)

// A process is one of a program, with the Runtime API that it alone is served.
type process struct {
	cmd    *exec.Cmd
	api    *runtimeAPI
	output *output
	exited chan struct{} // closed when it has ended, and all it printed is in the log
	exit   error         // how; for those who saw exited closed
}

// lastWords is how long a process that has reported an error of its init phase may take to exit by itself.
const lastWords = time.Second

// startProcess starts a process whose output goes to log.
func startProcess(pool *pool, log *tail) (*process, error) {
	api, err := newRuntimeAPI(pool.sizes.response)
	if err != nil {
		return nil, err
	}
	out, err := newOutput(log, pool.program.Output)
	if err != nil {
		api.close()
		return nil, err
	}
	command := pool.program.Command
	//nolint:gosec,noctx // the command is the user's, and the process outlives the invocation it was started for
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = pool.program.Dir
	cmd.Env = environ(pool, api.address)
	cmd.Stdout, cmd.Stderr = out.w, out.w
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		out.close()
		api.close()
		return nil, &exitError{"Runtime.InvalidEntrypoint", err.Error()}
	}
	p := &process{cmd: cmd, api: api, output: out, exited: make(chan struct{})}
	go p.reap()
	return p, nil
}

// reap waits for the end of the process.
func (p *process) reap() {
	err := p.cmd.Wait()
	killGroup(p.cmd) // what it left behind
	p.output.flush()
	var status *exec.ExitError
	switch {
	case err == nil:
		p.exit = &exitError{"Runtime.ExitError", "Runtime exited without providing a reason"}
	case errors.As(err, &status) && killed(status):
		p.exit = &exitError{"Runtime.OutOfMemory", "Runtime exited with error: " + err.Error()}
	default:
		p.exit = &exitError{"Runtime.ExitError", "Runtime exited with error: " + err.Error()}
	}
	close(p.exited)
}

// awaitReady waits until the process asks for its first invocation.
func (p *process) awaitReady(ctx context.Context) error {
	select {
	case <-p.api.ready:
		return nil
	case err := <-p.api.initFailed:
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
		case <-ctx.Done():
		}
		return err
	case <-p.exited:
		select {
		case err := <-p.api.initFailed:
			return err
		default:
			return p.exit
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// invoke gives the process an invocation and waits until it asks for the next one. After an error it must be ended; the invocation
// may be answered all the same.
func (p *process) invoke(ctx context.Context, j *job, log *tail) error {
	p.output.to(log)
	select {
	case p.api.jobs <- j:
	case <-p.exited:
		return p.exit
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-p.api.ready:
		p.output.flush()
		p.output.to(nil)
		return nil
	case <-p.exited:
		return p.exit
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end kills the process and waits until nothing is left of it.
func (p *process) end() {
	select {
	case <-p.exited:
	default:
		killGroup(p.cmd)
		<-p.exited
	}
	p.api.close()
	p.output.close()
}

// An exitError is why there is no process any more.
type exitError struct {
	kind string // errorType
	text string
}

func (e *exitError) Error() string { return e.text }

// kindOf is the errorType of an error of a process; empty if its time was over.
func kindOf(err error) string {
	var exit *exitError
	var reported *initError
	switch {
	case errors.As(err, &exit):
		return exit.kind
	case errors.As(err, &reported):
		return reported.kind
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ""
	}
	return "Runtime.Unknown"
}
