// Package sqstest is Amazon SQS in process, for tests: the queues on their wire protocol, AWS JSON 1.0, under the SDK's own
// client, with visibility timeouts, redrive policies, FIFO groups, and faults on demand.
//
//	s := sqstest.New()
//	defer s.Close()
//	orders := s.Queue("orders", sqstest.VisibilityTimeout(time.Minute))
//	orders.Send(`{"item":"tea"}`)
//	client := s.Client() // an *sqs.Client
//	client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(orders.URL())})
//
// # What it does
//
// SendMessage, ReceiveMessage, DeleteMessage and ChangeMessageVisibility, the batches of all but the second, GetQueueAttributes
// and GetQueueUrl. Long polls wait, and end when a message arrives. A queue with [Redrive] moves a message to another one in place of
// delivering it once too often. A queue whose name ends in ".fifo" keeps its groups in order, delivers nothing of a group of which something is
// in flight, and drops duplicates for five minutes.
//
// It is a model and stricter than SQS in one thing, looser in none that we know of: a standard queue here delivers in the order of
// arrival and never twice by itself. [Queue.Expire] makes it do so. As SQS does, it takes DeleteMessage with an old receipt handle for a success and
// deletes nothing if the message was received again since ("DeleteMessage", Amazon SQS API Reference).
//
// # Faults
//
// [Service.Fault] makes calls fail by an [Effect]: [Refuse], [Throttle], [Latency], [LoseRequest], [LoseAnswer], and [FailEntries] for single
// entries of a batch. An [Aim] says which: [Count], [Skip], [OnOperation], [OnQueue], [When].
//
// # In a synctest bubble
//
// [Service.Client] uses no sockets, and the service has no goroutine of its own. So it runs in a testing/synctest bubble, where hours of visibility
// pass in no time. Make the service inside the bubble. For other processes a [Service] is an http.Handler.
package sqstest
