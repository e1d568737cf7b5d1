package lambdatest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Durable makes the function a durable one: each invocation is a durable execution, and one whose DurableExecutionName is that
// of an earlier execution does not run. If its payload is the same, byte for byte, it waits for that execution, if it must, and
// is answered with its result, a FunctionError too, also when nobody had received that; otherwise it is refused with 409
// DurableExecutionAlreadyStartedException (Lambda Developer Guide, "Idempotency" of durable functions). What the quotas or a
// [Fault] turned away has started no execution.
//
// A durable function must be invoked with a qualifier, which may be $LATEST (ibid., "Invoking durable Lambda functions"). What runs
// is an ordinary [Function], once: steps, waits, replay and the API of executions are not imitated. Names are remembered as long as
// the Service exists, while Lambda forgets them some days after the execution. Default: off; a DurableExecutionName is then refused
// as InvalidParameterValueException.
func Durable() FunctionOption {
	return functionOptionFunc(func(s *settings) { s.durable = true })
}

// An execution is one of a durable function.
type execution struct {
	arn string
	identity

	done   chan struct{} // closed when result is set
	result result
}

// identity is what two invocations of the same name must share to be the same execution. The guide speaks of the payload only. The
// rest is our strictest reading: it calls names unique in the account and the Region, while the API reference calls them unique in the
// function, and an execution is pinned to its version. Who never gives a name to two functions, versions or tenants is safe either way.
type identity struct {
	function, version, tenant string
	payload                   [sha256.Size]byte
}

func identityOf(req *Request) identity {
	return identity{req.Function, executedVersion(req.Qualifier), req.Tenant, sha256.Sum256(req.Payload)}
}

// begin makes the execution of an invocation that starts now; nil if the function is not durable. Whoever calls it holds Service.mu.
func (s *Service) begin(fn *function, req *Request) *execution {
	if !fn.durable {
		return nil
	}
	name := req.DurableExecutionName
	if name == "" {
		name = newRequestID()
	}
	id := identityOf(req)
	ex := &execution{
		arn:      fmt.Sprintf("%s/durable-execution/%s/%s", functionARN(id.function, id.version), name, newRequestID()),
		identity: id,
		done:     make(chan struct{}),
	}
	if req.DurableExecutionName != "" {
		s.executions[name] = ex
	}
	return ex
}

// drop forgets an execution that was accepted and will never run.
func (s *Service) drop(ex *execution, req *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.executions, req.DurableExecutionName)
	ex.finish(result{gone: true})
}

// named tells the caller which execution the answer is of. The nil execution, of a function that is not durable, says nothing.
func (ex *execution) named(rep *reply) *reply {
	if ex != nil {
		rep.header.Set("X-Amz-Durable-Execution-Arn", ex.arn)
	}
	return rep
}

func (ex *execution) finish(res result) {
	if ex != nil {
		ex.result = res
		close(ex.done)
	}
}

// reattach answers an invocation of a name that is taken with what its execution answers.
func (s *Service) reattach(ex *execution, inv *entry, p pick) *reply {
	if !s.sleep(p.latency) {
		return &reply{cut: cutReset}
	}
	<-ex.done // Close ends it, too
	s.mu.Lock()
	inv.finished(ex.result, 0)
	s.mu.Unlock()
	if ex.result.gone {
		return &reply{cut: cutReset}
	}
	return cutOff(ex.named(ran(ex.result, ex.version)), p)
}

// withoutFunction leaves out the faults in place of the function, for an invocation that does not get that far.
func withoutFunction(aimed []*Fault) []*Fault {
	return slices.DeleteFunc(aimed, func(f *Fault) bool { return f.effect.stage == stageFunction })
}

// refuseExecution refuses an invocation for its qualifier or its DurableExecutionName. That a name is refused by a function that is not
// durable is our reading: no source says whether Lambda refuses it or ignores it, and a caller who counts on it must not be
// told that all is well. Whoever calls it holds Service.mu.
func (s *Service) refuseExecution(fn *function, req *Request) *reply {
	switch earlier := s.executions[req.DurableExecutionName]; {
	case fn.durable && req.Qualifier == "":
		return invalid("You cannot invoke a durable function using an unqualified ARN.")
	case !fn.durable && req.DurableExecutionName != "":
		return invalid("The invoked function is not a durable function. Remove the durable execution name from your request and try again.")
	case earlier != nil && req.Type != types.InvocationTypeDryRun && earlier.identity != identityOf(req):
		return refused(http.StatusConflict, "DurableExecutionAlreadyStartedException", "Execution already started: "+earlier.arn)
	}
	return nil
}

const headerExecutionName = "X-Amz-Durable-Execution-Name"

var executionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// checkExecutionName refuses what is no name, whatever the function.
func checkExecutionName(req *Request) *reply {
	if _, given := req.Header[headerExecutionName]; given && !executionName.MatchString(req.DurableExecutionName) {
		return invalid(fmt.Sprintf("Value '%s' at 'durableExecutionName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+ and have length from 1 to 64", req.DurableExecutionName))
	}
	return nil
}
