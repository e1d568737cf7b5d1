package sqsbatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambdabatch/lambdabatch"
)

// Results makes asynchronous invocations give results. It is given to [lambdabatch.New] as the client: what the Batcher invokes then goes to Lambda as an Event,
// and is answered with what Lambda's destinations bring to a queue when the function has run. No connection is held meanwhile, and bursts wait in Lambda's own
// queue.
//
//	results, err := sqsbatch.NewResults(lambdaClient, sqsClient, resultsQueueURL)
//	...
//	receiving, stop := context.WithCancel(context.Background())
//	done := make(chan error, 1)
//	go func() { done <- results.Run(receiving) }()
//	prices, err := lambdabatch.New[Order, Price](results, "price-orders", lambdabatch.WithMaxBytes(400<<10))
//	...
//	prices.Close() // first the Batcher, whose results must come yet
//	stop()         // then the Run
//	err = <-done
//
// The function, or the alias that is invoked, needs the queue as its on-success and as its on-failure destination, which must be a standard queue, and its role the
// permission sqs:SendMessage. Each process needs a queue of its own, and so an alias of its own; what comes for
// others is thrown away and counted. The Batcher stays with RequestResponse, which is how it knows that results will come; an Event has 1 MB at
// the most (AWS Lambda Developer Guide, "Lambda quotas"). But response and request together must fit into a message of SQS, which has 1 MB at the most, or the result is lost, and the
// records are sent again at the result timeout. So [lambdabatch.WithMaxBytes] must be well below: 400 KB if results are as large as their records, more if they are smaller.
//
// Set the function's MaximumRetryAttempts to 0: or else Lambda itself repeats a failed batch after one and two more minutes, before it says that it has failed
// (AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation").
//
// An event that was not waited for any longer may run yet, hours later. Where that matters, as in the order of a FIFO queue, set the function's MaximumEventAgeInSeconds to less than
// the result timeout.
//
// The tests prove what is here: how records and requests find each other, what is late, unknown or lost. Their destinations are made after AWS's documentation.
// How soon real ones deliver, how often twice or not at all, only real AWS can show.
type Results struct {
	client   lambdabatch.Invoker
	queues   Client
	queueURL string
	timeout  time.Duration
	logger   *slog.Logger

	mu      sync.Mutex // protects following
	running bool
	waiting map[string]chan destination // by request ID
	early   map[string]early            // came before the request ID was known here
	gone    map[string]time.Time        // nobody waits for these any more
	stats   ResultsStats
}

var _ lambdabatch.Invoker = (*Results)(nil)

// ResultsStats is what a [Results] has done so far.
type ResultsStats struct {
	Invoked, Resolved, TimedOut uint64
	Late                        uint64 // came after their time was over
	Unknown                     uint64 // belong to no request of this process, or came twice
	Unreadable                  uint64 // are no records of a destination
	Waiting                     int    // requests at the moment
}

const (
	defaultResultTimeout = 15*time.Minute + 15*time.Second // as long as a function can take

	// earlyFor is how long a result may be before the answer to its request, and rememberedFor how long a request that nobody waits for is told from one of somebody
	// else's.
	earlyFor      = time.Minute
	rememberedFor = time.Hour
)

// ErrNoRunningResults is the error of an invocation while no [Results.Run] is there to receive its result. Nothing was sent: the Batcher tries again, as often as
// [lambdabatch.WithMaxAttempts] says.
var ErrNoRunningResults = errors.New("sqsbatch: Results.Run is not running, so no result can come")

// DestinationError is the error of an invocation that Lambda gave up without a response of the function, as for its age. It comes as a pointer.
type DestinationError struct {
	RequestID string
	Condition string // "EventAgeExceeded", for example
}

func (e *DestinationError) Error() string {
	return fmt.Sprintf("sqsbatch: Lambda gave up the event: %s, request %s", e.Condition, e.RequestID)
}

// ResultsOption is a setting of [Results].
type ResultsOption interface{ applyResults(*Results) }

type resultsOptionFunc func(*Results)

func (f resultsOptionFunc) applyResults(r *Results) { f(r) }

// WithResultTimeout sets how long an invocation waits for its result. The context of the call counts, too, and so does the Batcher's
// invocation timeout. Events can wait in Lambda's queue for up to six hours before they run (AWS Lambda Developer Guide, "How Lambda handles
// errors and retries with asynchronous invocation"). Default: 15 minutes and 15 s.
func WithResultTimeout(d time.Duration) ResultsOption {
	return resultsOptionFunc(func(r *Results) { r.timeout = d })
}

// WithResultsLogger makes Results log calls of SQS that fail. Default: nothing is logged.
func WithResultsLogger(l *slog.Logger) ResultsOption {
	return resultsOptionFunc(func(r *Results) { r.logger = l })
}

// NewResults makes a Results that invokes by client and receives from the queue. It makes no call.
func NewResults(client lambdabatch.Invoker, queues Client, queueURL string, opts ...ResultsOption) (*Results, error) {
	r := &Results{
		client: client, queues: queues, queueURL: queueURL, timeout: defaultResultTimeout, logger: slog.New(slog.DiscardHandler),
		waiting: make(map[string]chan destination), early: make(map[string]early), gone: make(map[string]time.Time),
	}
	for _, o := range opts {
		if o != nil {
			o.applyResults(r)
		}
	}
	var errs []error
	if isNil(client) {
		errs = append(errs, errors.New("sqsbatch: client: must not be nil"))
	}
	if isNil(queues) {
		errs = append(errs, errors.New("sqsbatch: queues: must not be nil"))
	}
	if !validURL(queueURL) {
		errs = append(errs, fmt.Errorf("sqsbatch: queueURL %q: must be the URL of a queue", queueURL))
	}
	if r.timeout <= 0 {
		errs = append(errs, fmt.Errorf("sqsbatch: WithResultTimeout(%v): must be more than 0", r.timeout))
	}
	if r.logger == nil {
		errs = append(errs, errors.New("sqsbatch: WithResultsLogger(nil): must be a Logger; leave the option out for none"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// destination is the record of one invocation, as Lambda sends it (AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations").
type destination struct {
	RequestContext struct {
		RequestID string `json:"requestId"`
		Condition string `json:"condition"`
	} `json:"requestContext"`
	ResponseContext *struct {
		StatusCode      int32  `json:"statusCode"`
		ExecutedVersion string `json:"executedVersion"`
		FunctionError   string `json:"functionError"`
	} `json:"responseContext"`
	ResponsePayload json.RawMessage `json:"responsePayload"`
}

type early struct {
	destination
	at time.Time
}

// Invoke invokes as an Event, and returns when its result has come.
func (r *Results) Invoke(ctx context.Context, in *lambda.InvokeInput, optFns ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if in == nil {
		return nil, errors.New("sqsbatch: Results.Invoke: input: must not be nil")
	}
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	if !running {
		// This is how the Batcher is told that nothing was sent: there was no connection to send it by.
		return nil, &net.OpError{Op: "dial", Net: "sqs", Err: ErrNoRunningResults}
	}
	event := *in
	event.InvocationType, event.LogType = lambdatypes.InvocationTypeEvent, ""
	out, err := r.client.Invoke(ctx, &event, optFns...)
	if err != nil {
		return nil, err
	}
	id, ok := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if !ok {
		return nil, errors.New("sqsbatch: Lambda has accepted the event, but gave no request ID to know its result by")
	}
	record, err := r.await(ctx, id)
	if err != nil {
		return nil, err
	}
	if record.ResponseContext == nil {
		return nil, &DestinationError{id, cmp.Or(record.RequestContext.Condition, "no response")}
	}
	answer := &lambda.InvokeOutput{
		StatusCode: 200, ExecutedVersion: aws.String(record.ResponseContext.ExecutedVersion), Payload: record.ResponsePayload, ResultMetadata: out.ResultMetadata,
	}
	if failed := record.ResponseContext.FunctionError; failed != "" {
		answer.FunctionError = aws.String(failed)
	}
	return answer, nil
}

// await returns the record of a request.
func (r *Results) await(ctx context.Context, id string) (destination, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	r.mu.Lock()
	r.stats.Invoked++
	if e, ok := r.early[id]; ok {
		delete(r.early, id)
		r.stats.Resolved++
		r.mu.Unlock()
		return e.destination, nil
	}
	came := make(chan destination, 1)
	r.waiting[id] = came
	r.mu.Unlock()
	select {
	case record := <-came:
		return record, nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, still := r.waiting[id]; !still {
		return <-came, nil
	}
	delete(r.waiting, id)
	r.gone[id] = time.Now()
	r.stats.TimedOut++
	return destination{}, fmt.Errorf("sqsbatch: waiting for the result of request %s: %w", id, ctx.Err())
}

// Run receives results until ctx ends, or the queue cannot be read at all. It must run for as long as the Batcher does, or else the results of what it has invoked
// come to nobody: close the Batcher first, and end ctx then. It needs the permissions sqs:ReceiveMessage and sqs:DeleteMessage. While one Run runs, another one returns
// [ErrRunning].
func (r *Results) Run(ctx context.Context) error {
	if !r.begin(true) {
		return ErrRunning
	}
	defer r.begin(false)
	backoff := lambdabatch.FullJitter(500*time.Millisecond, longestPause)
	for ctx.Err() == nil {
		out, err := r.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(r.queueURL), MaxNumberOfMessages: maxBatch, WaitTimeSeconds: longPoll})
		switch {
		case ctx.Err() != nil:
			return nil
		case fatal(err):
			return fmt.Errorf("sqsbatch: queueURL %s: %w", r.queueURL, explain(err, "sqs:ReceiveMessage"))
		case err != nil:
			r.logger.Warn("sqsbatch: receiving results failed", "queue", r.queueURL, "error", err.Error())
			_ = wait(ctx, backoff.NextBackOff()) // the loop looks at ctx
			continue
		}
		backoff.Reset()
		r.take(ctx, out.Messages)
	}
	return nil
}

// begin sets whether Run is running. It reports whether that is a change.
func (r *Results) begin(running bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := r.running != running
	r.running = running
	return changed
}

// take gives results to those who wait for them, and takes them off the queue: nobody else could use them.
func (r *Results) take(ctx context.Context, messages []types.Message) {
	if len(messages) == 0 {
		return
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		r.resolve(aws.ToString(m.Body))
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	if _, err := r.queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(r.queueURL), Entries: entries}); err != nil && ctx.Err() == nil {
		r.logger.Warn("sqsbatch: deleting results failed", "queue", r.queueURL, "error", err.Error()) // they come again, and are unknown then
	}
}

func (r *Results) resolve(body string) {
	var record destination
	err := json.Unmarshal([]byte(body), &record)
	id := record.RequestContext.RequestID
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(now)
	if err != nil || id == "" {
		r.stats.Unreadable++
		return
	}
	if came, ok := r.waiting[id]; ok {
		delete(r.waiting, id)
		came <- record
		r.stats.Resolved++
		return
	}
	if _, ok := r.gone[id]; ok {
		delete(r.gone, id)
		r.stats.Late++
		return
	}
	r.early[id] = early{record, now}
}

// forgetLocked drops what nobody will ask for.
func (r *Results) forgetLocked(now time.Time) {
	for id, e := range r.early {
		if now.Sub(e.at) > earlyFor {
			delete(r.early, id)
			r.stats.Unknown++
		}
	}
	for id, at := range r.gone {
		if now.Sub(at) > rememberedFor {
			delete(r.gone, id)
		}
	}
}

// Stats returns what has been done so far.
func (r *Results) Stats() ResultsStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(time.Now())
	s := r.stats
	s.Waiting = len(r.waiting)
	return s
}
