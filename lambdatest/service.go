package lambdatest

import (
	"context"
	"sync"
	"time"
)

// A Service is Lambda in process: functions, the quotas of one account in one Region, and the faults that tests inject.
// Make one with [New], give it functions with [Service.Handle], and call them through [Service.Client], in memory, or
// [Service.Listen], on a loopback port.
//
// All methods are safe for concurrent use. A Service has no goroutine at rest, but those that look after the processes of a
// [Program]. In a testing/synctest bubble, make it inside the bubble.
type Service struct {
	sizes     sizes
	roundTrip time.Duration
	ctx       context.Context // ends with Close
	end       context.CancelFunc

	mu         sync.Mutex // protects following
	closed     bool
	running    int           // goroutines of the service
	idle       chan struct{} // closed when running falls to zero; nil while nobody waits
	functions  map[string]*function
	executions map[string]*execution // durable ones, by their names
	quota      quota
	faults     []*Fault
	denied     map[string]bool // operations
	history    history
	servers    map[*Server]struct{}
}

// New makes a Service with the default quotas of an AWS account, and no functions. It panics if an option makes no
// sense, as a negative quota.
func New(opts ...Option) *Service {
	cfg := defaults()
	for _, opt := range opts {
		opt.apply(&cfg)
	}
	ctx, end := context.WithCancel(context.Background())
	return &Service{
		sizes:      cfg.sizes,
		roundTrip:  cfg.roundTrip,
		ctx:        ctx,
		end:        end,
		functions:  make(map[string]*function),
		executions: make(map[string]*execution),
		quota:      newQuota(cfg, time.Now()),
		history:    newHistory(cfg.history),
		servers:    make(map[*Server]struct{}),
		denied:     make(map[string]bool),
	}
}

// Wait returns when nothing runs: no function, not even one that nobody waits for any more, and no Event that was
// accepted and has yet to run. Idle processes of a [Program] do not count.
func (s *Service) Wait() {
	s.mu.Lock()
	if s.running == 0 {
		s.mu.Unlock()
		return
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	<-idle
}

// Close ends the contexts of the functions that run, drops the Events that wait, closes the servers that
// [Service.Listen] started, kills the processes of programs, and waits for all goroutines of the service: a Function that
// ignores its context holds it up. Calls under way see their connection reset, later ones see it refused. What was recorded can still be read.
// Calling Close again does no harm.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	servers := make([]*Server, 0, len(s.servers))
	for server := range s.servers {
		servers = append(servers, server)
	}
	pools := make([]*pool, 0, len(s.functions))
	for _, fn := range s.functions {
		pools = append(pools, fn.pool)
	}
	s.mu.Unlock()

	s.end()
	for _, server := range servers {
		server.Close()
	}
	for _, p := range pools {
		p.retire()
	}
	s.Wait()
}

// spawn runs f in a goroutine that Wait and Close wait for. It reports false, and does nothing, if the service is closed.
func (s *Service) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.spawnLocked(f)
	return true
}

// spawnLocked is spawn for those who hold s.mu. It is for goroutines of the service, which may outlast its closing.
func (s *Service) spawnLocked(f func()) {
	s.running++
	go func() {
		defer s.exit()
		f()
	}()
}

func (s *Service) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.running == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// sleep reports false if the service was closed before d was over.
func (s *Service) sleep(d time.Duration) bool {
	if d <= 0 {
		return s.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
