package lambdatest

import (
	"fmt"
	"net/http"
)

// Deny refuses all calls of the given operations from now on, with status 403 and AccessDeniedException, as Lambda does for
// who may not make them: GetAccountSettings, GetFunctionConcurrency or GetFunctionConfiguration. It panics for any other; for
// Invoke there is [Status].
func (s *Service) Deny(operations ...string) { s.setDenied("Deny", true, operations) }

// Allow ends what [Service.Deny] began.
func (s *Service) Allow(operations ...string) { s.setDenied("Allow", false, operations) }

func (s *Service) setDenied(method string, denied bool, operations []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, operation := range operations {
		if !deniable(operation) {
			panic(fmt.Sprintf("lambdatest: %s(%q): must be an operation that reads settings", method, operation))
		}
		s.denied[operation] = denied
	}
}

func deniable(operation string) bool {
	switch operation {
	case "GetAccountSettings", "GetFunctionConcurrency", "GetFunctionConfiguration":
		return true
	}
	return false
}

func (s *Service) denies(operation string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denied[operation]
}

func deny(c *call, operation string) *reply {
	if !c.accept() {
		return &reply{cut: cutReset}
	}
	return refused(http.StatusForbidden, "AccessDeniedException", fmt.Sprintf(
		"User: arn:aws:iam::123456789012:user/test is not authorized to perform: lambda:%s because no identity-based policy allows the lambda:%s action",
		operation, operation))
}
