// Package handler is the function's side of lambdabatch: it makes of a Go function
// for one record a Lambda handler for batches.
//
//	func price(ctx context.Context, o Order) (Price, error) { … }
//
//	func main() { lambda.Start(handler.New(price)) }
//
// lambda is github.com/aws/aws-lambda-go/lambda; this package does not import it.
//
// # Callers
//
// The same handler serves whoever invokes the function:
//
//   - a Batcher with its default format: each record gets its result;
//   - an event source mapping of an SQS queue, or a Batcher with the SQSEvent
//     format: the answer lists the messages that failed, batchItemFailures. The
//     mapping must have ReportBatchItemFailures switched on;
//   - a JSON array, as of a Batcher with the Array format: the answer is an array of
//     the same length. One record that fails, fails the invocation, for an array has no
//     place for an error;
//   - a single value, as of a plain Invoke: the answer is its result, or the error
//     of the invocation.
//
// So a deployed function need not change when its callers do. Who calls is told by
// the shape of the payload. So In cannot be an object that has a member records,
// Records, eventSource, detail-type or requestContext: those are taken for an event,
// and refused with an error that says what came if it is of another kind (Kafka,
// EventBridge, API Gateway). And if In is itself an array, only batches can be sent.
//
// Of a FIFO queue, the messages of a group are worked on one after the other, and
// those behind one that failed are answered as failed, too, so that their order holds.
//
// # Outcomes
//
// An error of the function is a failure of its record, with the error's type and
// text; [RetryAfter] asks for the record again, [Permanent] says that this would be
// of no use. A record that cannot be decoded, or whose function panics, fails alone;
// the stack goes to the log. The handler's own errors are an [Error], of the types
// InvalidRecord, InvalidResult, ResultTooLarge, Panic, Exited (runtime.Goexit),
// Unfinished and GroupHeld (an earlier message of an SQS message group failed).
//
// Shortly before the Lambda function's own deadline ([DeadlineMargin]) the answer
// is given as it is, and what is unfinished is asked for again: one slow record costs
// itself, not the batch. And if an answer would be larger than Lambda lets through,
// the results that do not fit are asked for again.
package handler
