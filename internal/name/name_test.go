package name_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch/internal/name"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for function, want := range map[string][2]string{
		"f":                       {"f", ""},
		"my-function_1":           {"my-function_1", ""},
		"f:prod":                  {"f", "prod"},
		"f:$LATEST":               {"f", "$LATEST"},
		"function:f":              {"f", ""},
		"function:f:7":            {"f", "7"},
		"123456789012:f":          {"f", ""},
		"123456789012:function:f": {"f", ""},
		"123456789012:function:f:$LATEST.PUBLISHED":                {"f", "$LATEST.PUBLISHED"},
		"arn:aws:lambda:eu-west-1:123456789012:function:f":         {"f", ""},
		"arn:aws-cn:lambda:cn-north-1:123456789012:function:f:one": {"f", "one"},
	} {
		bare, qualifier, ok := name.Parse(function)
		assert.True(t, ok, function)
		assert.Equal(t, want, [2]string{bare, qualifier}, function)
		assert.Equal(t, want[0], name.Bare(function))
	}
	for _, function := range []string{"", "a b", "a/b", "a:b:c:d", "f:", ":f", "https://example.com", strings.Repeat("x", 257)} {
		_, _, ok := name.Parse(function)
		assert.False(t, ok, function)
		assert.Equal(t, function, name.Bare(function))
	}
}
