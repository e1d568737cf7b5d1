// Package sqsbatch works off an Amazon SQS queue with a Lambda function, many messages in one invocation, through a
// [lambdabatch.Batcher]. Each message has an outcome of its own, and that decides what becomes of it.
//
//	orders, err := sqsbatch.New(sqs.NewFromConfig(cfg), queueURL, batcher,
//		sqsbatch.WithDeadLetterQueue(deadURL),
//		sqsbatch.WithResult(func(ctx context.Context, m sqsbatch.Message, price Price, err error) error {
//			return save(ctx, m.ID, price, err) // at least once for each message
//		}))
//	...
//	err = orders.Run(ctx) // until ctx ends
//
// # Outcomes
//
// A message is one record, whose ID is the message's. What its outcome is decides:
//
//   - A value: the result function is called ([WithResult]), and when it has returned nil the message is deleted.
//   - A failure for good, which is one that the function declares for the record, a body that cannot be decoded, a value that cannot be encoded, or a record too large:
//     the result function is called with the error; then the message goes to the dead-letter queue ([WithDeadLetterQueue]) and is deleted.
//     Without one it stays, and is left to the redrive policy of its queue.
//   - A failure that may pass: the message becomes visible again after a jittered wait ([WithBackoff]). When it was received often
//     ([WithMaxReceives]) and there is a dead-letter queue, it counts as failed for good. That is also how a message ends that
//     makes the function crash.
//   - A failure that is not the message's, as when Lambda cannot be reached, the function does not exist, or the result function returns
//     an error: the message becomes visible again likewise, however often, and no more messages are received for a while. Only a redrive policy of the queue
//     counts these deliveries: with a dead-letter queue of the Pipeline it should allow 100 or more.
//
// A function made by package handler declares a failure for good by returning any error; handler.RetryAfter is how it asks for the record again.
//
// So nothing is deleted before its outcome is known and the result function has returned nil. A message may come again all the same: SQS
// delivers at least once, and a process may die between the result and the deletion. The function and the result function must
// bear that, by the message's ID for example.
//
// # Visibility
//
// A message is held for as long as it is on its way, by extending its visibility timeout when half of it has passed, up to SQS's 12 hours. A message
// whose visibility is lost, because SQS says so or because no extension was answered in time, belongs to somebody else: it is given up,
// not deleted, counted and logged.
//
// # How much is received
//
// Up to [WithPollers] long polls of 10 messages run at a time: one while the queue is nearly empty, more as it fills. After a receive of less than 10 the next one waits for
// a tenth of the Batcher's linger, a second at the most: messages gather in the queue as they would in the Batcher, and fewer receives are paid for. No more messages are held than
// are expected to be in an invocation soon, by how long those before had to wait for theirs, and never more than [WithMaxInFlight].
// The rest stays in the queue, where other processes can have it.
//
// # FIFO queues
//
// Of a message group one message at a time is on its way, in order: the next one starts when the one before has been deleted. If one fails,
// those of its group that were received already go back at once, and SQS delivers nothing of the group until the failed one is visible
// again. A message that goes to the dead-letter queue makes way for the next. So results are written in order.
//
// The function may see more than that: an invocation whose connection is lost, or whose record was given up at a shutdown, goes on in Lambda. With
// [lambdabatch.WithRetryUncertain](false) the group waits until it must be over, for as long as the message's visibility is not lost. By default the Batcher sends the record again at once.
//
// Each time that a message fails, those that wait for it and were received with it use up a delivery of the redrive policy, untried.
//
// # Shutdown
//
// [Pipeline.Run] stops receiving when its ctx ends, and finishes what it has received within [WithGrace]. Then it gives back what is left, and
// returns a [*LeftError] that names it. It is visible at once; but a message of a FIFO queue that an invocation may have is when that must be over.
package sqsbatch
