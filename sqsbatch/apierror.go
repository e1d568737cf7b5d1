package sqsbatch

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fatal tells whether only a human can mend it.
func fatal(err error) bool { return denied(err) || missing(err) }

// denied tells whether a call, or an entry of a batch, lacks a permission, of SQS or of KMS.
func denied(err error) bool {
	var entry *entryError
	if errors.As(err, &entry) {
		return strings.Contains(entry.code, "AccessDenied")
	}
	var api smithy.APIError
	if errors.As(err, &api) && (strings.Contains(api.ErrorCode(), "AccessDenied") || api.ErrorCode() == "KmsOptInRequired") {
		return true
	}
	var response *smithyhttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusForbidden && !expired(err)
}

// expired tells whether credentials are to be renewed, which the SDK does in time.
func expired(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (strings.Contains(api.ErrorCode(), "Expired") || strings.Contains(api.ErrorCode(), "SignatureDoesNotMatch"))
}

// missing tells whether there is no such queue, or the URL is that of something else.
func missing(err error) bool {
	var none *types.QueueDoesNotExist
	var address *types.InvalidAddress
	var unsupported *types.UnsupportedOperation
	return errors.As(err, &none) || errors.As(err, &address) || errors.As(err, &unsupported)
}
