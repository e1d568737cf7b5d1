// Package lambdatest is AWS Lambda in process, for tests: the Invoke API on its real wire protocol, under the SDK's own
// client, with the quotas of an account and with faults on demand. Nothing of the client is mocked, so a test sees the errors,
// types and headers that it would see of AWS.
//
//	s := lambdatest.New()
//	defer s.Close()
//	s.Handle("price-orders", lambdatest.PerRecord(price))
//	client := s.Client() // a *lambda.Client
//
// # Functions
//
// [Service.Handle] gives the service a function: any Go function of bytes, or one of single records by [PerRecord]. What it
// returns, an error, a panic, and a timeout all reach the caller as Lambda sends them. A function learns of its invocation by
// [FromContext] and writes to its log by [Logf]. Versions and aliases need no setting up: every qualifier is taken, and all run the
// same code.
//
// [Service.HandleProgram] has a real function program as the code, in processes of its own that speak the Lambda Runtime API: a binary
// built with aws-lambda-go, or an interpreter. Everything else is as for the functions in the test's own process, but for the bubble:
// there is none around a process.
//
// # Quotas
//
// A new service has the default quotas of an AWS account, and [New] takes options for others. An invocation is tested against
// them in this order, and the first that is short names the reason of its 429:
//
//	the account's rate             RequestRate           CallerRateLimitExceeded
//	the function's rate            Reserved              ReservedFunctionInvocationRateLimitExceeded
//	                               FunctionRate          FunctionInvocationRateLimitExceeded
//	the function's concurrency     Reserved              ReservedFunctionConcurrentInvocationLimitExceeded
//	the account's concurrency      AccountConcurrency    ConcurrentInvocationLimitExceeded
//	new environments               ScalingRate           ConcurrentInvocationLimitExceeded
//
// An invocation that a rate refuses has used up nothing; one that is refused later has used its token of the rates. This
// is a model: AWS does not say how Lambda counts the refused, how deep its buckets are, or which reason its scaling rate gives.
// The real service is a fleet and less exact. [Service.SetRequestRate] and [Service.SetAccountConcurrency] change quotas while
// the test runs.
//
// Event invocations are answered 202 at once and never throttled, but for [EventRate]. Their functions run in the background,
// once, as soon as there is an environment, in the order they came; those of a function that [Reserved] switched off are
// dropped. Lambda's two retries of a failed Event, and its destinations, are not imitated.
//
// A function made [Durable] runs once for each DurableExecutionName: an invocation of the same name and payload gets the result of the
// first. It is tested against the rates and takes no share of the concurrency.
//
// # Settings
//
// The service answers GetAccountSettings, GetFunctionConcurrency and GetFunctionConfiguration, by what [AccountConcurrency],
// [Reserved], [Timeout], [TenantIsolation] and [Durable] have set; [Service.Deny] makes them fail as for a client without the permission. These calls are
// no invocations: no fault is for them, they are in no history, and the 15 requests a second that Lambda allows of them are
// not imitated.
//
// # Faults
//
// [Service.Fault] makes invocations fail by an [Effect]: at Lambda's door ([Throttle], [Status], [ServerError]), on the
// connection ([ConnectionRefused], [ResetBefore], [ResetAfter], [Truncated], [BlackHole]), in place of the function
// ([Unhandled], [TimedOut], [OutOfMemory], [Respond]), or only in its time ([Latency]). An [Aim] says which: [Count],
// [Skip], [OnFunction], [When].
//
//	s.Fault(lambdatest.Exited(), lambdatest.When(func(r *lambdatest.Request) bool {
//		return bytes.Contains(r.Payload, []byte("poison"))
//	}))
//
// # Assertions
//
// [Service.Invocations] tells of every request what it held and what became of it, [Service.Counts] gives totals, and
// [Service.InFlight] and [Service.MaxInFlight] what ran at once.
//
// # In a synctest bubble
//
// [Service.Client] uses no sockets, only time and channels, so the service runs in a testing/synctest bubble, where hours
// pass in no time and instants are exact: a bucket of 10 a second has its next token after 100 ms, not a nanosecond sooner.
// Make the service inside the bubble, and close it there.
//
//	synctest.Test(t, func(t *testing.T) {
//		s := lambdatest.New(lambdatest.RequestRate(10, 10))
//		defer s.Close()
//		…
//	})
//
// Invocations of the same instant are taken in the order in which the scheduler runs them. A function that takes no time leaves
// its place to the others at some point of that instant; where the concurrency matters, let it sleep.
//
// The SDK retries throttles, server errors and broken connections by itself, and sleeps in between. Tests that count
// requests switch that off:
//
//	client := s.Client(func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
//
// # On a port
//
// [Service.Listen] serves the same on a loopback port, for other processes and for tests of the network itself; the environment
// variable AWS_ENDPOINT_URL_LAMBDA brings the SDK of any language there. Signatures are not checked. A server of
// your own can take the [Service] as its http.Handler. Here HTTP/1.1 is spoken, without TLS.
package lambdatest
