// Package lambdabatch sends many small records to an AWS Lambda function: many
// in one invocation, paced by a limiter that all share, and each record with an
// outcome of its own.
//
//	prices, err := lambdabatch.New[Order, Price](lambda.NewFromConfig(cfg), "price-orders")
//	...
//	defer prices.Close()
//	price, err := prices.Do(ctx, order)
//
// # Batches
//
// Records wait in lanes, one for each [Tenant]. A lane is ready when it holds a
// whole batch ([WithMaxRecords], [WithMaxBytes]), when its oldest record has
// lingered ([WithLinger]), when the deadline of a record presses, on
// [Batcher.Flush] and on shutdown. A ready lane asks the limiter for a permit,
// and only when the permit is there the batch is sealed: from what is in the lane
// by then, in the order of arrival. So batches are full when the quota is short
// and small when nothing presses, and no record is stuck in a batch that waits.
//
// # The format
//
// The function is called with the first of these, and answers the second. In and
// Out are what encoding/json makes of the Batcher's types.
//
//	{"records":[{"id":"1","data":<In>}, …]}
//
//	{"results":[{"id":"1","status":"success","data":<Out>},
//	            {"id":"2","status":"failure","error":{"type":"…","message":"…"}},
//	            {"id":"3","status":"retry","retryAfterMs":200}]}
//
// Results are matched by ID and may come in any order. A record without a result
// has failed: null, {} and an empty answer are no success. "error" may be a plain
// string, too; a status that is none of the three is a failure that keeps its
// word; a success without data is the zero Out.
//
// [WithFormat] sets another format: [SQSEvent], [Array], or one of your own.
// Package handler makes a function that understands all three.
//
// # Outcomes and errors
//
// Every failure of a record arrives by its future. Match these with [errors.As],
// they all come as pointers:
//
//   - [InvokeError]: Lambda did not carry out the invocation, or its answer did
//     not arrive. The SDK's error is in it, for example a
//     *types.ResourceNotFoundException.
//   - [FunctionError]: the function failed as a whole; Kind tells how.
//   - [RecordError]: the function refused this one record.
//   - [ResultError]: the function's answer holds nothing usable for the record;
//     mostly [ErrNoResult].
//   - [PanicError]: code that was given to the Batcher panicked.
//
// and these with [errors.Is]: [ErrClosed], [ErrBufferFull], [ErrRecordTooLarge], [ErrNotEncodable],
// [ErrNoResult], [ErrDeliveryTimeout], [ErrRetryBudget], [ErrFunctionFails], and the context's errors when the record's
// context has ended, or that of the invocation ([WithInvocationTimeout]).
// [CertaintyOf] tells of each whether the function may have
// seen the record. The texts of errors may change.
//
// # Retries
//
// Throttled invocations have not been executed: their records return to the
// head of their lane after a jittered wait, at least as long as Retry-After says
// (but 15 minutes at the most), as often as it takes; bound it with [WithDeliveryTimeout] or the record's
// context. Failures that may pass are retried as [WithMaxAttempts] and
// [WithBackoff] say. If a failure leaves open whether the function has run, the
// default is to send the records again: each is then processed at least once,
// and the function must bear to see a record twice, by its ID for example; see
// [WithRetryUncertain]. Results with the status "retry" count as attempts.
// Permanent failures are not retried. [WithRetryBudget] bounds all retries
// together. The SDK's own retries are switched off for each call, so that no
// attempt is made without a permit.
//
// # Poison
//
// When the function fails as a whole (it crashes, runs into its timeout or out of
// memory, or answers too much), or the request was too large for something on its
// way, the batch is split in halves that travel apart, and so on, until what fails
// is a single record: that one ends with the error, its neighbours get their values.
// Splits use up no attempts and no budget. They do send records again that the
// function has seen, so with WithRetryUncertain(false) only what surely was not
// executed is split. For a function that fails whatever it is given not all records
// of a batch are tried: when eight of them have failed alone and nothing else
// has been answered, the rest of the batch fails, too, and of the next batches one
// record has to do.
//
// When a batch ran into the function's timeout, the batches of its lane become
// smaller, to take four fifths of that time, and larger again when they take less.
//
// # Dead letters
//
// [WithDeadLetter] is told of each record that is given up, with its payload and
// all of its attempts; [FileDeadLetters] keeps them on disk.
//
// # Connections
//
// [TunedClient] makes the SDK's client fit for many invocations at a time that take
// long. Requests that a server has declared unprocessed, by GOAWAY or REFUSED_STREAM of
// HTTP/2, are sent again at once, with any client, as a part of the same attempt.
//
// # Cancellation
//
// A record's context frees that record only. Before it is sent, it leaves and
// the others travel without it; when it is in flight, its future ends at once
// with [MaybeExecuted], and the invocation goes on, for Lambda cannot be told
// to stop. The values of a record's context do not reach the invocation, which is
// of many records; [Hooks] can give it values of its own.
//
// # The limiter
//
// Each invocation needs a permit of a [Limiter]. The default one finds by itself
// how many invocations a second, and how many at a time, Lambda bears; see
// [AdaptiveLimiter]. Share one among all Batchers of an account ([WithLimiter]).
//
// # Event invocations
//
// With [WithInvocationType](Event) Lambda queues a batch and answers at once. A
// future then means that Lambda has accepted the record, and nothing more: there
// are no results of records.
//
// # Shutdown
//
// [Batcher.Close] loses nothing, and waits as long as that takes;
// [Batcher.Shutdown] bounds the wait. At rest a Batcher has neither a goroutine
// nor a timer, and after Close none is left.
//
// # Testing
//
// Package lambdatest is Lambda in the test's process, beneath the real SDK
// client, with quotas and faults. It works in a testing/synctest bubble.
package lambdabatch
