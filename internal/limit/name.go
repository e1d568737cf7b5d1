package limit

import "strings"

// BareName is the name of the function that a name, a name with a qualifier, a
// partial ARN or an ARN stands for. Quotas are the function's, whatever version
// or alias is invoked.
func BareName(function string) string {
	if _, rest, ok := strings.Cut(function, ":function:"); ok {
		function = rest
	}
	name, _, _ := strings.Cut(function, ":")
	return name
}
