package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// parseInvoke reads the request. It is whole even if there is a refusal.
func (s *Service) parseInvoke(c *call, name string) (req *Request, refusal *reply) {
	req = &Request{
		RequestID:            newRequestID(),
		Tenant:               c.header.Get("X-Amz-Tenant-Id"),
		ClientContext:        c.header.Get("X-Amz-Client-Context"),
		DurableExecutionName: c.header.Get(headerExecutionName),
		Type:                 types.InvocationType(c.header.Get("X-Amz-Invocation-Type")),
		LogType:              types.LogType(c.header.Get("X-Amz-Log-Type")),
		Payload:              c.body,
		Header:               c.header,
	}
	if req.Type == "" {
		req.Type = types.InvocationTypeRequestResponse
	}
	req.Function, req.Qualifier, refusal = parseFunction(c, name)
	if refusal != nil {
		return req, refusal
	}
	return req, checkInvoke(req, s.sizes)
}

// parseFunction reads which function a request is for, from the name in its path and its query.
func parseFunction(c *call, name string) (function, qualifier string, refusal *reply) {
	parts := functionRef.FindStringSubmatch(name)
	if parts == nil {
		return name, "", invalid(fmt.Sprintf("Value '%s' at 'functionName' failed to satisfy constraint: not the name or ARN of a function", name))
	}
	function, qualifier = parts[1], parts[2]
	switch q := c.url.Query().Get("Qualifier"); {
	case q != "" && qualifier != "" && q != qualifier:
		return function, qualifier, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	case q != "":
		qualifier = q
	}
	return function, qualifier, nil
}

// functionRef matches a name, a partial ARN and a full ARN, each perhaps with a qualifier.
var functionRef = regexp.MustCompile(
	`^(?:(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?[0-9]{12}:function:)?([a-zA-Z0-9_-]{1,64})(?::([a-zA-Z0-9_.$-]{1,128}))?$`)

// checkInvoke refuses what is wrong whatever the function.
func checkInvoke(req *Request, most sizes) *reply {
	limit := most.request
	switch req.Type {
	case types.InvocationTypeRequestResponse, types.InvocationTypeDryRun:
	case types.InvocationTypeEvent:
		limit = most.event
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
	return checkExecutionName(req)
}

// refuse refuses what is wrong for the function, which is nil if there is none. Whoever calls it holds Service.mu.
func (s *Service) refuse(fn *function, req *Request) *reply {
	switch {
	case fn == nil:
		return notFound(req.Function, req.Qualifier)
	case fn.tenants && req.Tenant == "":
		return invalid("The invoked function is enabled with tenancy configuration. " +
			"Add a valid tenant ID in your request and try again.")
	case !fn.tenants && req.Tenant != "":
		return invalid("The invoked function is not enabled with tenancy configuration. " +
			"Remove the tenant ID from your request and try again.")
	}
	return s.refuseExecution(fn, req)
}

func notFound(function, qualifier string) *reply {
	return refused(http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+functionARN(function, qualifier))
}

func functionARN(function, qualifier string) string {
	arn := "arn:aws:lambda:" + region + ":123456789012:function:" + function
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
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
