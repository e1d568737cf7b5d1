package lambdatest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// An Effect is what a [Fault] does to an invocation. The functions that return one make all there are. An Effect is a value: it may be
// used in many faults, and is safe for concurrent use.
type Effect struct {
	name    string
	stage   stage
	latency time.Duration                                                  // stageLatency
	door    func(*Request) *reply                                          // stageDial and stageDoor
	replace func(s *Service, set settings, req *Request, log *tail) result // stageFunction
	cut     cut                                                            // stageAfter
}

// String names the effect, as [Invocation] does.
func (e Effect) String() string { return e.name }

// A stage is where in the life of an invocation an effect takes hold.
type stage int

const (
	stageDial     stage = iota + 1 // before the request is on the wire
	stageDoor                      // before the quotas
	stageLatency                   // before the function
	stageFunction                  // in place of the function
	stageAfter                     // after the function
)

func door(name string, f func(*Request) *reply) Effect {
	return Effect{name: name, stage: stageDoor, door: f}
}

func inPlace(name string, f func(s *Service, set settings, req *Request, log *tail) result) Effect {
	return Effect{name: name, stage: stageFunction, replace: f}
}

// Throttle refuses the invocation with status 429 and TooManyRequestsException, for the reason given, without a Retry-After header.
func Throttle(reason types.ThrottleReason) Effect {
	return door("Throttle", func(*Request) *reply { return throttled(reason) })
}

// ThrottleAfter is [Throttle] with a Retry-After header: retryAfter in whole seconds, rounded up.
func ThrottleAfter(reason types.ThrottleReason, retryAfter time.Duration) Effect {
	seconds := strconv.Itoa(int(math.Ceil(max(retryAfter, 0).Seconds())))
	return door("ThrottleAfter", func(*Request) *reply {
		rep := throttled(reason)
		rep.header.Set("Retry-After", seconds)
		return rep
	})
}

// Latency makes the invocation take d longer, as a slow start of its environment does: it holds its share of the concurrency
// meanwhile, and the function's timeout begins after it. Then the invocation goes on, and faults that were added later apply
// too, those at the door d later than without.
func Latency(d time.Duration) Effect {
	return Effect{name: "Latency", stage: stageLatency, latency: max(d, 0)}
}

// Handled answers in place of the function as if it had reported an error of this type: status 200, FunctionError Handled.
func Handled(errorType, message string) Effect {
	return inPlace("Handled", func(*Service, settings, *Request, *tail) result {
		return failed(handled, errorType, message)
	})
}

// Unhandled answers in place of the function as if it had failed with an error of this type: status 200, FunctionError Unhandled.
func Unhandled(errorType, message string) Effect {
	return inPlace("Unhandled", func(*Service, settings, *Request, *tail) result {
		return failed(unhandled, errorType, message)
	})
}

// TimedOut takes the function's whole timeout in place of the function and then answers as Lambda does for one that overran it:
// status 200, FunctionError Unhandled, error type Sandbox.Timedout.
func TimedOut() Effect {
	return inPlace("TimedOut", func(s *Service, set settings, req *Request, log *tail) result {
		if !s.sleep(set.timeout) {
			return result{gone: true}
		}
		return timedOut(req, set.timeout, log)
	})
}

// OutOfMemory answers in place of the function as Lambda does for one whose runtime was killed for the memory it took: status
// 200, FunctionError Unhandled, error type Runtime.OutOfMemory.
func OutOfMemory() Effect {
	return inPlace("OutOfMemory", func(_ *Service, _ settings, req *Request, _ *tail) result {
		return exited(req, "Runtime.OutOfMemory", "with error: signal: killed")
	})
}

// Exited answers in place of the function as Lambda does for one whose process ended: status 200, FunctionError Unhandled, error
// type Runtime.ExitError.
func Exited() Effect {
	return inPlace("Exited", func(_ *Service, _ settings, req *Request, _ *tail) result {
		return exited(req, "Runtime.ExitError", "with error: exit status 1")
	})
}

// ResponseTooLarge answers in place of the function as Lambda does for one whose response is over the limit of 6,291,556 bytes:
// status 200, FunctionError Unhandled, error type Function.ResponseSizeTooLarge.
func ResponseTooLarge() Effect {
	return inPlace("ResponseTooLarge", func(s *Service, _ settings, _ *Request, _ *tail) result {
		return responseTooLarge(s.sizes.response)
	})
}

// Respond answers this payload in place of the function: status 200 without a FunctionError, whatever the payload says. An empty
// one is an empty body.
func Respond(payload []byte) Effect {
	return inPlace("Respond", func(*Service, settings, *Request, *tail) result { return result{payload: payload} })
}

// Status refuses the invocation with an error of the API: a status of 400 or more with its error type, as 409 with
// ResourceConflictException. For a throttle use [Throttle], which has a reason. It panics for any other status.
func Status(code int, errorType, message string) Effect {
	if code < 400 || code > 599 {
		panic(fmt.Sprintf("lambdatest: Status(%d): not the status of an error", code))
	}
	return door("Status", func(*Request) *reply { return refused(code, errorType, message) })
}

// ServerError answers as something between the client and Lambda might: a status of 500 or more and this body, which may be empty
// and is HTML by its Content-Type, without an error type or a request ID. It panics for any other status.
func ServerError(status int, body string) Effect {
	if status < 500 || status > 599 {
		panic(fmt.Sprintf("lambdatest: ServerError(%d): not the status of a server error", status))
	}
	return door("ServerError", func(*Request) *reply {
		rep := &reply{status: status, header: make(http.Header), body: []byte(body), foreign: true}
		if body != "" {
			rep.header.Set("Content-Type", "text/html")
		}
		return rep
	})
}

// ConnectionRefused lets nothing reach the service, which does not record the invocation. In memory the client sees the error of
// a refused dial, ECONNREFUSED, and none of the httptrace hooks that follow GetConn. On a port, where the connection exists already, the
// request is taken and the connection reset: the client cannot tell that from [ResetBefore].
func ConnectionRefused() Effect {
	return Effect{
		name: "ConnectionRefused", stage: stageDial,
		door: func(*Request) *reply { return &reply{cut: cutRefused} },
	}
}

// ResetBefore resets the connection when the request was written, before the function runs: it never does.
func ResetBefore() Effect {
	return door("ResetBefore", func(*Request) *reply { return &reply{cut: cutReset} })
}

// ResetAfter resets the connection in place of the answer, after the function ran.
func ResetAfter() Effect {
	return Effect{name: "ResetAfter", stage: stageAfter, cut: cutReset}
}

// Truncated cuts the answer's body in half, after the function ran: the client reads an unexpected EOF. The answer to an Event, which
// has no body, is lost as with [ResetAfter].
func Truncated() Effect {
	return Effect{name: "Truncated", stage: stageAfter, cut: cutTruncated}
}

// BlackHole takes the request and never answers: the client waits until its context ends, or until [Service.Close]. The
// function does not run.
func BlackHole() Effect {
	return door("BlackHole", func(*Request) *reply { return &reply{cut: cutSilent} })
}
