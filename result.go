package lambdabatch

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// newFunctionError is the error of an invocation in which the function failed
// as a whole.
func newFunctionError(function, requestID string, out *lambda.InvokeOutput) *FunctionError {
	said, ok := wire.ParseFunctionError(out.Payload)
	if !ok {
		said.Message = string(beginning(out.Payload))
	}
	return &FunctionError{
		Function:  function,
		RequestID: requestID,
		Kind:      kindOf(aws.ToString(out.FunctionError), said.Type, said.Message),
		Type:      said.Type,
		Message:   said.Message,
		Trace:     bytes.Clone(said.Trace),
		Log:       logTail(aws.ToString(out.LogResult)),
	}
}

// disguised tells whether a payload that holds no results is that of a function
// that failed. Lambda says so by a header; some emulators and gateways leave it
// out, and send the error object, or plain text for a timeout.
func disguised(payload []byte) bool {
	_, isError := wire.ParseFunctionError(payload)
	return isError || bytes.Contains(payload[:min(len(payload), 256)], []byte(timedOut)) && !wire.Valid(payload)
}

const timedOut = "Task timed out after"

// kindOf tells the ways of failing apart. Lambda reports all as Unhandled, and
// what it is only in words, which differ from runtime to runtime (AWS Lambda
// Developer Guide, "Troubleshoot invocation issues").
func kindOf(functionError, errorType, message string) FunctionErrorKind {
	switch {
	case errorType == "Sandbox.Timedout" || strings.Contains(message, timedOut):
		return KindTimeout
	case errorType == "Runtime.OutOfMemory" || strings.Contains(message, "signal: killed"):
		return KindOutOfMemory
	case errorType == "Function.ResponseSizeTooLarge":
		return KindResponseTooLarge
	case errorType == "Runtime.ExitError" || errorType == "Runtime.NodejsExit",
		strings.Contains(message, "Process exited before completing request"):
		return KindExited
	case functionError == "Handled":
		return KindHandled
	default:
		return KindUnhandled
	}
}

// logTail is the log that came along, if it did.
func logTail(encoded string) string {
	log, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return string(log)
}
