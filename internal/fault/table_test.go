package fault

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The SDK no longer says which errors are Invoke's, only which there are. So all others are named here, and an error
// that a new SDK version brings has to be put into the table or into this list by somebody who has read about it.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	ofOtherOperations := []string{
		"AliasLimitExceededException",
		"CallbackTimeoutException",
		"CapacityProviderLimitExceededException",
		"CodeSigningConfigNotFoundException",
		"CodeStorageExceededException",
		"CodeVerificationFailedException",
		"FunctionVersionsPerCapacityProviderLimitExceededException",
		"InvalidCodeSignatureException",
		"PolicyLengthExceededException",
		"PreconditionFailedException",
		"ProvisionedConcurrencyConfigNotFoundException",
		"PublicPolicyException",
		"ResourceInUseException",
	}

	missing := make(map[string]bool)
	for code := range byCode {
		missing[code] = true
	}
	delete(missing, "RequestEntityTooLargeException") // the SDK does not know it
	assert.Len(t, missing, 43)

	var others []string
	for id, entry := range lambda.TypeRegistry.Entries {
		httpError, ok := smithy.SchemaTrait[*traits.HTTPError](entry.Schema)
		if !ok {
			continue // not an error
		}
		code := id[strings.Index(id, "#")+1:]
		d, ok := byCode[code]
		if !ok {
			others = append(others, code)
			continue
		}
		assert.Equal(t, httpError.Code, d.status, code)
		delete(missing, code)
	}
	assert.Empty(t, missing, "no errors of the SDK's")
	assert.ElementsMatch(t, ofOtherOperations, others)
}

func TestNoCodeIsListedTwice(t *testing.T) {
	t.Parallel()
	n := 0
	for _, a := range answers {
		n += len(a.codes)
	}
	require.Len(t, byCode, n)
}
