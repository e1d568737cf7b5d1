package sqstest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

// A Queue is one of a [Service]. All methods are safe for concurrent use.
type Queue struct {
	service    *Service
	name       string
	fifo       bool
	visibility time.Duration
	deadLetter *Queue
	maxReceive int

	// service.mu protects following
	messages []*message // in order of arrival
	handles  map[string]*message
	sent     map[string]dedup // of a FIFO queue, by deduplication ID
	changed  chan struct{}    // closed when something may have become deliverable
	sequence int
}

type dedup struct {
	at time.Time
	message
}

// A QueueOption is a setting of a [Queue].
type QueueOption interface{ applyTo(*Queue) }

type queueOptionFunc func(*Queue)

func (f queueOptionFunc) applyTo(q *Queue) { f(q) }

// VisibilityTimeout sets how long a received message is not delivered again, in whole seconds. Default: 30 s, as SQS has it.
func VisibilityTimeout(d time.Duration) QueueOption {
	if d < 0 || d > 12*time.Hour {
		panic(fmt.Sprintf("sqstest: VisibilityTimeout(%v): must be from 0 to 12 hours", d))
	}
	return queueOptionFunc(func(q *Queue) { q.visibility = d.Truncate(time.Second) })
}

// Redrive moves a message to another queue when it would be delivered for more than the nth time. Default: none.
func Redrive(to *Queue, maxReceiveCount int) QueueOption {
	if to == nil || maxReceiveCount < 1 {
		panic("sqstest: Redrive: must be a queue, and at least 1 receive")
	}
	return queueOptionFunc(func(q *Queue) { q.deadLetter, q.maxReceive = to, maxReceiveCount })
}

// Name is the name that the queue was made with.
func (q *Queue) Name() string { return q.name }

// URL is the queue's URL, as SQS forms it.
func (q *Queue) URL() string {
	return "https://sqs." + region + ".amazonaws.com/" + account + "/" + q.name
}

// ARN is the queue's ARN.
func (q *Queue) ARN() string { return "arn:aws:sqs:" + region + ":" + account + ":" + q.name }

// Send puts messages with these bodies into a standard queue, without a call, and returns their IDs. It panics at a body that SQS would refuse: an empty one,
// more than 1 MiB, or characters that XML does not have.
func (q *Queue) Send(bodies ...string) []string {
	return q.send("", bodies)
}

// SendGroup puts messages of a group into a FIFO queue, without a call, and returns their IDs. None is taken for a duplicate. It panics
// as [Queue.Send] does.
func (q *Queue) SendGroup(group string, bodies ...string) []string {
	if group == "" || !q.fifo {
		panic("sqstest: SendGroup: must be a FIFO queue, and a group")
	}
	return q.send(group, bodies)
}

func (q *Queue) send(group string, bodies []string) []string {
	if q.fifo != (group != "") {
		panic("sqstest: Send: is for standard queues; SendGroup is for FIFO queues")
	}
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	ids := make([]string, 0, len(bodies))
	for _, body := range bodies {
		m := &message{body: body, group: group}
		if err := m.refused(); err != nil {
			panic(fmt.Sprintf("sqstest: Send: body %.40q: %v", body, err))
		}
		ids = append(ids, q.add(m, 0).id)
	}
	return ids
}

// A Message is one in a [Queue], as [Queue.Messages] shows it.
type Message struct {
	ID         string
	Body       string
	Group      string               // of a FIFO queue
	Attributes map[string]Attribute // the sender's
	Receives   int                  // how often it was delivered
	InFlight   bool                 // received, and not visible again
}

// Messages is what the queue holds, in order of arrival.
func (q *Queue) Messages() []Message {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	all := make([]Message, 0, len(q.messages))
	now := time.Now()
	for _, m := range q.messages {
		all = append(all, Message{m.id, m.body, m.group, maps.Clone(m.attributes), m.receives, m.inFlight(now)})
	}
	return all
}

// Len is how many messages the queue holds, those in flight too.
func (q *Queue) Len() int {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	return len(q.messages)
}

// Expire makes the message with this ID visible, as if its visibility timeout were over: it is delivered again while someone is at work with
// it, which SQS may do at any time. It reports false if no such message is in flight.
func (q *Queue) Expire(id string) bool {
	q.service.mu.Lock()
	defer q.service.mu.Unlock()
	now := time.Now()
	for _, m := range q.messages {
		if m.id == id && m.inFlight(now) {
			m.visibleAt = now
			q.wake()
			return true
		}
	}
	return false
}

// add takes a message in. The caller holds service.mu, here and below.
func (q *Queue) add(m *message, delay time.Duration) *message {
	s := q.service
	s.ids++
	q.sequence++
	now := time.Now()
	m.id = fmt.Sprintf("00000000-0000-4000-8000-%012x", s.ids)
	m.sequence = strconv.Itoa(q.sequence)
	m.sentAt, m.visibleAt = now, now.Add(delay)
	q.messages = append(q.messages, m)
	q.wake()
	return m
}

func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *Queue) remove(m *message) {
	if i := slices.Index(q.messages, m); i >= 0 {
		q.messages = slices.Delete(q.messages, i, i+1)
	}
	m.gone = true
}

// take receives up to n messages, and says when there may be more.
func (q *Queue) take(n int, visibility time.Duration, now time.Time) (taken []*message, next time.Time) {
	blocked := make(map[string]bool) // groups
	if q.fifo {
		for _, m := range q.messages {
			if m.inFlight(now) {
				blocked[m.group] = true
			}
		}
	}
	var dead []*message
	for _, m := range q.messages {
		if len(taken) == n {
			break
		}
		if m.visibleAt.After(now) {
			blocked[m.group] = true
			if next.IsZero() || m.visibleAt.Before(next) {
				next = m.visibleAt
			}
			continue
		}
		if q.fifo && blocked[m.group] {
			continue
		}
		if q.deadLetter != nil && m.receives >= q.maxReceive {
			dead = append(dead, m)
			continue
		}
		taken = append(taken, m)
	}
	for _, m := range dead {
		q.remove(m)
		moved := *m
		moved.gone, moved.receives = false, 0
		id := m.id
		q.deadLetter.add(&moved, 0).id = id
	}
	for _, m := range taken {
		m.receives++
		m.receivedAt, m.visibleAt = now, now.Add(visibility)
		if m.firstReceived.IsZero() {
			m.firstReceived = now
		}
		q.service.ids++
		m.handle = fmt.Sprintf("%s/%d", m.id, q.service.ids)
		q.handles[m.handle] = m
	}
	return taken, next
}
