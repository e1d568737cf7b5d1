package lambdatest

// accountSettings is the operation GetAccountSettings: GET /2016-08-19/account-settings.
func (s *Service) accountSettings(c *call, _ []string) *reply {
	if !c.accept() {
		return &reply{cut: cutReset}
	}
	type limit struct {
		CodeSizeUnzipped               int64
		CodeSizeZipped                 int64
		ConcurrentExecutions           int
		TotalCodeSize                  int64
		UnreservedConcurrentExecutions int
	}
	type usage struct {
		FunctionCount int
		TotalCodeSize int64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return answered(struct {
		AccountLimit limit
		AccountUsage usage
	}{
		limit{
			CodeSizeUnzipped:               250 << 20,
			CodeSizeZipped:                 50 << 20,
			ConcurrentExecutions:           s.quota.concurrency,
			TotalCodeSize:                  75 << 30,
			UnreservedConcurrentExecutions: max(0, s.quota.concurrency-s.quota.reserved),
		},
		usage{FunctionCount: len(s.functions)},
	})
}
