package sqsbatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queue is what a Run needs to know of the queue.
type queue struct {
	fifo       bool
	visibility time.Duration // that messages are received with
}

const fifoSuffix = ".fifo"

const (
	// fewReceives is a maxReceiveCount that outages use up: with pauses of up to 30 s and waits of up to 15 minutes between the deliveries of a message, 100 last for half a day.
	fewReceives = 100

	// longFIFOLinger is a linger that a group's messages, one after the other, are slowed down by.
	longFIFOLinger = 100 * time.Millisecond
)

// fifo tells whether the order of a message counts.
func (c *config) fifo(m Message) bool {
	return strings.HasSuffix(c.queueURL, fifoSuffix) && m.Group != ""
}

// check compares the settings with the queue's.
func (c *config) check(ctx context.Context) (queue, error) {
	q := queue{fifo: strings.HasSuffix(c.queueURL, fifoSuffix), visibility: c.visibility}
	attributes, err := c.attributes(ctx, c.queueURL)
	if err != nil {
		return q, fmt.Errorf("sqsbatch: queueURL %s: %w", c.queueURL, explain(err, "sqs:GetQueueAttributes"))
	}
	var errs []error
	setting := fmt.Sprintf("WithVisibility(%v)", c.visibility)
	if q.visibility == 0 {
		seconds, err := strconv.Atoi(attributes[string(sqstypes.QueueAttributeNameVisibilityTimeout)])
		if err != nil {
			return q, fmt.Errorf("sqsbatch: queue %s: its VisibilityTimeout cannot be read: %w", c.queueURL, err)
		}
		q.visibility = time.Duration(seconds) * time.Second
		setting = fmt.Sprintf("VisibilityTimeout of queue %s (%v)", c.queueURL, q.visibility)
	}
	switch {
	case q.visibility < time.Second:
		errs = append(errs, fmt.Errorf("sqsbatch: %s: must be at least 1s, for a message that is visible at once is received again and again; set WithVisibility", setting))
	case q.visibility < c.batcher.InvocationTimeout:
		errs = append(errs, fmt.Errorf("sqsbatch: %s: must be at least the Batcher's invocation timeout, %v, or else a message comes again while an invocation "+
			"of a worker that has died still runs; raise it, or set lambdabatch.WithInvocationTimeout to the function's own timeout", setting, c.batcher.InvocationTimeout))
	}
	if q.fifo && c.batcher.Linger > longFIFOLinger {
		c.logger.Warn("sqsbatch: each message of a group lingers anew, after the one before it is done; a few milliseconds are enough for messages of several groups to meet",
			"queue", c.queueURL, "linger", c.batcher.Linger)
	}
	errs = append(errs, c.checkDead(ctx, q, attributes), c.probe(ctx))
	return q, errors.Join(errs...)
}

// checkDead looks at where messages go that have failed for good.
func (c *config) checkDead(ctx context.Context, q queue, attributes map[string]string) error {
	if c.deadURL == "" {
		if attributes[string(sqstypes.QueueAttributeNameRedrivePolicy)] == "" {
			c.logger.Warn("sqsbatch: the queue has no redrive policy, and WithDeadLetterQueue is not given: messages that fail for good come again until they expire", "queue", c.queueURL)
		}
		return nil
	}
	if q.fifo != strings.HasSuffix(c.deadURL, fifoSuffix) {
		return fmt.Errorf("sqsbatch: WithDeadLetterQueue(%q): must be of the kind of the queue that is worked off: FIFO for a FIFO queue, or else the order is lost, and standard for a standard queue", c.deadURL)
	}
	if n := maxReceiveCount(attributes); n > 0 && n < fewReceives {
		c.logger.Warn("sqsbatch: the redrive policy of the queue moves messages that have failed in an outage, or were held by their group; with WithDeadLetterQueue "+
			"it is only for messages that no worker survives, and its maxReceiveCount should be 100 to 1000", "queue", c.queueURL, "maxReceiveCount", n)
	}
	// To send is enough of a permission, so a lack of that to look counts for nothing.
	if _, err := c.attributes(ctx, c.deadURL); err != nil && !denied(err) {
		return fmt.Errorf("sqsbatch: WithDeadLetterQueue(%q): %w", c.deadURL, explain(err, "sqs:GetQueueAttributes"))
	}
	return nil
}

// maxReceiveCount is that of the redrive policy; 0 if there is none.
func maxReceiveCount(attributes map[string]string) int {
	var policy struct {
		MaxReceiveCount json.Number `json:"maxReceiveCount"` // in quotes or not: SQS answers as it was set
	}
	if json.Unmarshal([]byte(attributes[string(sqstypes.QueueAttributeNameRedrivePolicy)]), &policy) != nil {
		return 0
	}
	n, err := strconv.Atoi(policy.MaxReceiveCount.String())
	if err != nil {
		return 0
	}
	return n
}

func (c *config) attributes(ctx context.Context, url string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := c.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       aws.String(url),
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// probe finds out now what would be a pity to find out when the first results are written: that messages cannot be deleted, or not be held.
func (c *config) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	const none = "sqsbatch-permission-check"
	var errs []error
	_, err := c.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
		QueueUrl: aws.String(c.queueURL),
		Entries:  []sqstypes.DeleteMessageBatchRequestEntry{{Id: aws.String("0"), ReceiptHandle: aws.String(none)}},
	})
	if denied(err) {
		errs = append(errs, fmt.Errorf("sqsbatch: queueURL %s: %w", c.queueURL, explain(err, "sqs:DeleteMessage")))
	}
	_, err = c.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
		QueueUrl: aws.String(c.queueURL),
		Entries:  []sqstypes.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("0"), ReceiptHandle: aws.String(none)}},
	})
	if denied(err) {
		errs = append(errs, fmt.Errorf("sqsbatch: queueURL %s: %w", c.queueURL, explain(err, "sqs:ChangeMessageVisibility")))
	}
	return errors.Join(errs...)
}

// explain says what to do about an error that only a human can mend.
func explain(err error, permission string) error {
	switch {
	case denied(err):
		return fmt.Errorf("the permission %s is missing: %w", permission, err)
	case missing(err):
		return fmt.Errorf("there is no such queue in this account and Region: %w", err)
	default:
		return err
	}
}
