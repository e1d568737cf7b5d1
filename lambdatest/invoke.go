package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// invoke is the operation Invoke: POST /2015-03-31/functions/{FunctionName}/invocations.
func (s *Service) invoke(c *call, params []string) *reply {
	req, refusal := parseInvoke(c, params[0])
	aimed := s.aimed(req)

	s.mu.Lock()
	now := time.Now()
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
	if refusal = refuse(fn, req); refusal != nil {
		return refusal, nil
	}
	switch req.Type {
	case types.InvocationTypeDryRun:
		return &reply{status: http.StatusNoContent, header: make(http.Header)}, nil
	case types.InvocationTypeEvent:
		if s.quota.events != nil && !s.quota.events.has(now) {
			return throttled(types.ThrottleReasonCallerRateLimitExceeded), nil
		}
		s.quota.events.take()
		p.commit()
		inv.Fault = p.name()
		if fn.on() {
			s.spawnLocked(func() { s.background(fn, req, inv, p) })
		}
		return cutOff(&reply{status: http.StatusAccepted, header: make(http.Header)}, p), nil
	}
	sl, reason := s.quota.admit(fn, now)
	if reason != "" {
		return throttled(reason), nil
	}
	p.commit()
	inv.Fault = p.name()
	inv.admitted()
	set := fn.settings
	return nil, func() *reply { return s.foreground(sl, set, req, inv, p) }
}

// foreground runs an invocation that was let in and answers it.
func (s *Service) foreground(sl slot, set settings, req *Request, inv *entry, p pick) *reply {
	log := &tail{}
	res := s.execute(sl, set, req, inv, p, log)
	if res.gone {
		return &reply{cut: cutReset}
	}
	rep := &reply{
		status: http.StatusOK,
		header: http.Header{
			"Content-Type":           {"application/json"},
			"X-Amz-Executed-Version": {executedVersion(req.Qualifier)},
		},
		body: res.payload,
	}
	if res.functionError != "" {
		rep.header.Set("X-Amz-Function-Error", res.functionError)
	}
	if req.LogType == types.LogTypeTail {
		rep.header.Set("X-Amz-Log-Result", log.base64())
	}
	return cutOff(rep, p)
}

// background runs an Event when there is an environment for it.
func (s *Service) background(fn *function, req *Request, inv *entry, p pick) {
	sl, ok := s.await(fn)
	if !ok {
		return
	}
	s.mu.Lock()
	inv.admitted()
	set := fn.settings
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

// parseInvoke reads the request. It is whole even if there is a refusal.
func parseInvoke(c *call, name string) (req *Request, refusal *reply) {
	req = &Request{
		RequestID:            newRequestID(),
		Tenant:               c.header.Get("X-Amz-Tenant-Id"),
		ClientContext:        c.header.Get("X-Amz-Client-Context"),
		DurableExecutionName: c.header.Get("X-Amz-Durable-Execution-Name"),
		Type:                 types.InvocationType(c.header.Get("X-Amz-Invocation-Type")),
		LogType:              types.LogType(c.header.Get("X-Amz-Log-Type")),
		Payload:              c.body,
		Header:               c.header,
	}
	if req.Type == "" {
		req.Type = types.InvocationTypeRequestResponse
	}
	parts := functionRef.FindStringSubmatch(name)
	if parts == nil {
		req.Function = name
		return req, invalid(fmt.Sprintf("Value '%s' at 'functionName' failed to satisfy constraint: not the name or ARN of a function", name))
	}
	req.Function, req.Qualifier = parts[1], parts[2]
	switch q := c.url.Query().Get("Qualifier"); {
	case q != "" && req.Qualifier != "" && q != req.Qualifier:
		return req, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	case q != "":
		req.Qualifier = q
	}
	return req, checkInvoke(req)
}

// functionRef matches a name, a partial ARN and a full ARN, each perhaps with a qualifier.
var functionRef = regexp.MustCompile(
	`^(?:(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?[0-9]{12}:function:)?([a-zA-Z0-9_-]{1,64})(?::([a-zA-Z0-9_.$-]{1,128}))?$`)

// checkInvoke refuses what is wrong whatever the function.
func checkInvoke(req *Request) *reply {
	limit := maxRequest
	switch req.Type {
	case types.InvocationTypeRequestResponse, types.InvocationTypeDryRun:
	case types.InvocationTypeEvent:
		limit = maxEvent
	default:
		return invalid(fmt.Sprintf("Value '%s' at 'invocationType' failed to satisfy constraint: "+
			"Member must satisfy enum value set: [Event, RequestResponse, DryRun]", req.Type))
	}
	if len(req.Payload) > limit {
		return refused(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException",
			fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)",
				len(req.Payload), req.Type, limit))
	}
	if len(req.Payload) > 0 {
		var v json.RawMessage
		if err := json.Unmarshal(req.Payload, &v); err != nil {
			return refused(http.StatusBadRequest, "InvalidRequestContentException",
				fmt.Sprintf("Could not parse request body into json: %v", err))
		}
	}
	if req.ClientContext != "" {
		text, err := base64.StdEncoding.DecodeString(req.ClientContext)
		if err != nil || len(req.ClientContext) > maxClientContext || !json.Valid(text) {
			return refused(http.StatusBadRequest, "InvalidRequestContentException",
				"Client context must be a valid Base64-encoded JSON object.")
		}
	}
	return nil
}

// refuse refuses what is wrong for the function, which is nil if there is none. Whoever calls it holds Service.mu.
func refuse(fn *function, req *Request) *reply {
	switch {
	case fn == nil:
		arn := "arn:aws:lambda:us-east-1:123456789012:function:" + req.Function
		if req.Qualifier != "" {
			arn += ":" + req.Qualifier
		}
		return refused(http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+arn)
	case fn.tenants && req.Tenant == "":
		return invalid("The invoked function is enabled with tenancy configuration. " +
			"Add a valid tenant ID in your request and try again.")
	case !fn.tenants && req.Tenant != "":
		return invalid("The invoked function is not enabled with tenancy configuration. " +
			"Remove the tenant ID from your request and try again.")
	}
	return nil
}

func invalid(message string) *reply {
	return refused(http.StatusBadRequest, "InvalidParameterValueException", message)
}

// executedVersion is the version that a qualifier stands for. All aliases stand for version 1.
func executedVersion(qualifier string) string {
	switch {
	case qualifier == "" || strings.HasPrefix(qualifier, "$"):
		return "$LATEST"
	case strings.Trim(qualifier, "0123456789") == "":
		return qualifier
	}
	return "1"
}
