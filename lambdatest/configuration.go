package lambdatest

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// functionConfiguration is the operation GetFunctionConfiguration: GET /2015-03-31/functions/{FunctionName}/configuration. A timeout
// of less than a second, which Lambda does not have, is rounded up. An execution of a durable function may take as long as its one
// invocation, and is kept for Lambda's default of 14 days, it says.
func (s *Service) functionConfiguration(c *call, params []string) *reply {
	if !c.accept() {
		return &reply{cut: cutReset}
	}
	name, qualifier, refusal := parseFunction(c, params[0])
	if refusal != nil {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fn := s.functions[name]
	if fn == nil {
		return notFound(name, qualifier)
	}
	type tenancy struct{ TenantIsolationMode types.TenantIsolationMode }
	type durable struct {
		ExecutionTimeout      int64
		RetentionPeriodInDays int
	}
	out := struct {
		FunctionName     string
		FunctionArn      string
		Version          string
		Runtime          types.Runtime
		PackageType      types.PackageType
		MemorySize       int
		Timeout          int64
		State            types.State
		LastUpdateStatus types.LastUpdateStatus
		TenancyConfig    *tenancy `json:",omitempty"`
		DurableConfig    *durable `json:",omitempty"`
	}{
		FunctionName:     name,
		FunctionArn:      functionARN(name, qualifier),
		Version:          executedVersion(qualifier),
		Runtime:          types.RuntimeProvidedal2023,
		PackageType:      types.PackageTypeZip,
		MemorySize:       128,
		Timeout:          int64((fn.timeout + time.Second - 1) / time.Second),
		State:            types.StateActive,
		LastUpdateStatus: types.LastUpdateStatusSuccessful,
	}
	if fn.tenants {
		out.TenancyConfig = &tenancy{types.TenantIsolationModePerTenant}
	}
	if fn.durable {
		out.DurableConfig = &durable{ExecutionTimeout: out.Timeout, RetentionPeriodInDays: 14}
	}
	return answered(out)
}
