package sqstest

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A Service is SQS in process: the queues of one account in one Region, and the faults that tests inject. Make one with [New]. All methods
// are safe for concurrent use.
type Service struct {
	closing chan struct{}
	once    sync.Once

	mu     sync.Mutex // protects following, and all queues
	queues map[string]*Queue
	faults []*Fault
	calls  map[string]int // by operation
	ids    int
}

// New makes a Service without queues.
func New() *Service {
	return &Service{closing: make(chan struct{}), queues: make(map[string]*Queue), calls: make(map[string]int)}
}

// Close ends the long polls under way, whose clients see their connection reset, as do later calls. Calling Close again does no harm.
func (s *Service) Close() { s.once.Do(func() { close(s.closing) }) }

// Queue makes a queue. A name that ends in ".fifo" makes it a FIFO queue. It panics if there is one of that name already, or if an option makes no sense.
func (s *Service) Queue(name string, opts ...QueueOption) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.queues[name]; ok || name == "" {
		panic(fmt.Sprintf("sqstest: Queue(%q): must be a new name", name))
	}
	q := &Queue{
		service:    s,
		name:       name,
		fifo:       strings.HasSuffix(name, ".fifo"),
		visibility: 30 * time.Second,
		changed:    make(chan struct{}),
		handles:    make(map[string]*message),
		sent:       make(map[string]dedup),
	}
	for _, o := range opts {
		o.applyTo(q)
	}
	s.queues[name] = q
	return q
}

// Calls is how many calls of an operation have come, faulty ones and retries too: "ReceiveMessage", for example.
func (s *Service) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// byURL is nil if there is no such queue.
func (s *Service) byURL(url string) *Queue { return s.queues[url[strings.LastIndexByte(url, '/')+1:]] }
