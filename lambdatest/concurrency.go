package lambdatest

// functionConcurrency is the operation GetFunctionConcurrency: GET /2019-09-30/functions/{FunctionName}/concurrency. Concurrency is
// reserved for the function as a whole: the API reference knows no name with a qualifier here, and it is refused.
func (s *Service) functionConcurrency(c *call, params []string) *reply {
	if !c.accept() {
		return &reply{cut: cutReset}
	}
	name, qualifier, refusal := parseFunction(c, params[0])
	if refusal != nil {
		return refusal
	}
	if qualifier != "" {
		return invalid("This operation does not take the version or alias of a function: " + qualifier)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[name]
	if fn == nil {
		return notFound(name, "")
	}
	var out struct {
		ReservedConcurrentExecutions *int `json:",omitempty"`
	}
	if fn.hasReserved() {
		out.ReservedConcurrentExecutions = &fn.reserved
	}
	return answered(out)
}
