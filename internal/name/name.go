// Package name takes apart the ways in which a Lambda function can be named.
package name

import "regexp"

// AWS Lambda API Reference, "Invoke", FunctionName.
var pattern = regexp.MustCompile(
	`^(?:arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:)?(?:\d{12}:)?(?:function:)?([a-zA-Z0-9_.-]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?$`)

// Parse returns the bare name and the qualifier, a version or an alias, of a
// function given by its name, name:qualifier, partial ARN or ARN.
func Parse(function string) (bare, qualifier string, ok bool) {
	parts := pattern.FindStringSubmatch(function)
	if parts == nil || len(function) > 256 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// Bare returns the bare name, or what was given if it is no name. Quotas are the
// function's, whatever version or alias is invoked.
func Bare(function string) string {
	if bare, _, ok := Parse(function); ok {
		return bare
	}
	return function
}
