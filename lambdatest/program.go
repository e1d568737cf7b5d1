package lambdatest

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// A Program is the code of a Lambda function that runs in processes of its own: a binary built with aws-lambda-go, or an
// interpreter with its runtime. It runs as it is deployed; the service speaks the Lambda Runtime API to it.
//
//	s.HandleProgram("price-orders", lambdatest.Program{Command: []string{"./bootstrap"}})
type Program struct {
	// Command is the program and its arguments, as [os/exec.Command] takes them.
	Command []string
	// Dir is the directory it runs in, and LAMBDA_TASK_ROOT. Default: the test's working directory.
	Dir string
	// Handler is the environment variable _HANDLER: which handler an interpreter's runtime is to load. Default: bootstrap.
	Handler string
	// Env are environment variables, KEY=value, besides those that Lambda sets, see [Service.HandleProgram], or in their place;
	// only AWS_LAMBDA_RUNTIME_API stays what it is.
	Env []string
	// InitTimeout is how long the init phase of a new environment may take before it is tried again in the time of the
	// invocation. Default: 10 s, Lambda's own.
	InitTimeout time.Duration
	// Output is where the processes' standard output and error go, besides the log of the invocation: testing.T.Output, for
	// example. It gets one Write at a time. Default: nowhere.
	Output io.Writer
}

// HandleProgram sets up the function of that name as [Service.Handle] does, with a program as its code. It panics as that one
// does, and if there is no command. It needs real processes and real time: in a testing/synctest bubble it cannot work.
//
// # Environments
//
// Each execution environment is a process, which has one invocation at a time. An invocation goes to the environment that
// was used last of those that are idle, and if there is none a new one is started, so there are as many as ran at once. A
// process learns of its invocations, and answers, by the Runtime API, 2018-06-01, on a loopback port of its own. An invocation
// ends when the process asks for the next one; what it answered by then, whatever it is, goes to the caller.
//
// The init phase of a new environment is the time from its start until it asks for its first invocation. It comes before the
// function's timeout begins, as a [Latency] does. One that fails is done again, now in the function's time, and if it fails again
// that is what the caller sees.
//
// # Failures
//
// An error that the program reports reaches the caller as it came, Unhandled. The other ways to fail are worded as Lambda does:
//
//	the process exits, or did since its last invocation   Runtime.ExitError
//	it is killed by the signal KILL                       Runtime.OutOfMemory
//	it cannot be started                                  Runtime.InvalidEntrypoint
//	it takes longer than the timeout                      Sandbox.Timedout
//	its response is larger than Lambda's limit            Function.ResponseSizeTooLarge
//
// An environment that took too long is killed, with the processes it started as far as they are in its process group (not on
// Windows). After that, and after an exit, its next invocation starts a new process, in the function's time.
//
// # What a process has
//
// What a process prints is in the log of its invocation, see LogType Tail; what it prints between invocations goes to Output only.
//
// It has Lambda's environment variables: AWS_LAMBDA_RUNTIME_API, AWS_LAMBDA_FUNCTION_NAME, _VERSION ($LATEST) and _MEMORY_SIZE (128,
// which is not enforced), AWS_LAMBDA_INITIALIZATION_TYPE, AWS_LAMBDA_LOG_GROUP_NAME and _STREAM_NAME, AWS_REGION, AWS_DEFAULT_REGION,
// LAMBDA_TASK_ROOT, _HANDLER, LANG, TZ, and credentials, which open nothing. Of the test's own it has PATH, HOME, TMPDIR and, on
// Windows, what no process can do without, so a test does not lend its AWS account to a function.
//
// It may do all that the test may do. It is not frozen between invocations, and there are no extensions. Idle processes live until the
// function is set up again, or until [Service.Close], which kills all processes and waits for them.
func (s *Service) HandleProgram(name string, p Program, opts ...FunctionOption) {
	if len(p.Command) == 0 {
		panic(fmt.Sprintf("lambdatest: HandleProgram(%q): no Command", name))
	}
	if p.InitTimeout < 0 {
		panic(fmt.Sprintf("lambdatest: HandleProgram(%q): InitTimeout %v: must not be negative", name, p.InitTimeout))
	}
	p.Command, p.Env = slices.Clone(p.Command), slices.Clone(p.Env)
	if p.Handler == "" {
		p.Handler = "bootstrap"
	}
	if p.InitTimeout == 0 {
		p.InitTimeout = 10 * time.Second
	}
	if p.Output != nil {
		p.Output = &oneWriter{w: p.Output}
	}
	s.handle("HandleProgram", name, settings{pool: &pool{name: name, program: p, sizes: s.sizes}}, opts)
}

// A oneWriter gives w one Write at a time.
type oneWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneWriter) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}
