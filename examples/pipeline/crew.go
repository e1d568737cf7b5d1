package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/term"
)

// crew is the worker processes.
type crew struct {
	settings settings
	stderr   io.Writer
	terminal bool

	mu      sync.Mutex // protects the counts of members
	members []*member  // those that have ended, too
}

type member struct {
	command *exec.Cmd
	in      io.Closer
	reading chan struct{} // closed when there is nothing more to read
	counts  counts
	ended   bool
}

func newCrew(s settings, stderr io.Writer) *crew {
	f, ok := stderr.(*os.File)
	return &crew{settings: s, stderr: stderr, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// start starts one more worker.
func (c *crew) start(ctx context.Context) error {
	told, err := json.Marshal(c.settings)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	m := &member{command: exec.CommandContext(ctx, self), reading: make(chan struct{})} //nolint:gosec // this program
	m.command.Env = append(os.Environ(), workerEnv+"="+string(told))
	m.command.Stderr = os.Stderr // c.stderr need not be safe for several at a time
	if m.in, err = m.command.StdinPipe(); err != nil {
		return err
	}
	out, err := m.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.command.Start(); err != nil {
		return err
	}
	c.members = append(c.members, m)
	go c.read(m, out)
	return nil
}

func (c *crew) read(m *member, out io.Reader) {
	defer close(m.reading)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var said counts
		if json.Unmarshal(lines.Bytes(), &said) == nil { // the last line of one that is killed may be torn
			c.mu.Lock()
			m.counts = said
			c.mu.Unlock()
		}
	}
}

// total is what all workers have done, and hold.
func (c *crew) total() (sum counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		sum.Received += m.counts.Received
		sum.Succeeded += m.counts.Succeeded
		sum.Retried += m.counts.Retried
		sum.Dead += m.counts.Dead
		sum.LostVisibility += m.counts.LostVisibility
		sum.Invocations += m.counts.Invocations
		sum.Throttled += m.counts.Throttled
		if !m.ended {
			sum.InFlight += m.counts.InFlight
		}
	}
	return sum
}

// watch shows how it goes on until the queue is empty. Halfway it kills a worker, as if the power had failed, and starts another one.
func (c *crew) watch(ctx context.Context, t *table, queues *sqs.Client) error {
	killed, last, at := false, 0, time.Now()
	interval := 250 * time.Millisecond
	if !c.terminal {
		interval = 2 * time.Second
	}
	shown := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		for _, m := range c.members {
			if m.gone() {
				return errors.Join(ctx.Err(), fmt.Errorf("a worker has ended by itself: %w", m.end(false)))
			}
		}
		have, err := t.count(ctx)
		if err != nil {
			return err
		}
		done := have.priced + have.failed
		if !killed && done >= c.settings.Orders/2 {
			killed = true
			if err := c.members[0].end(true); err != nil {
				return err
			}
			fmt.Fprintln(c.stderr, "\na worker was killed; another one takes its place")
			if err := c.start(ctx); err != nil {
				return err
			}
		}
		if time.Since(shown) >= interval {
			shown = time.Now()
			perSecond := float64(done-last) / time.Since(at).Seconds()
			last, at = done, shown
			c.show(done, perSecond)
		}
		if done < c.settings.Orders {
			continue
		}
		left, err := depth(ctx, queues, c.settings.Queue)
		if err != nil || left == 0 {
			fmt.Fprintln(c.stderr)
			return err
		}
	}
}

func (c *crew) show(done int, perSecond float64) {
	n := c.total()
	begin, end := "\r\x1b[K", ""
	if !c.terminal {
		begin, end = "", "\n"
	}
	fmt.Fprintf(c.stderr, "%s%d of %d: received %d, in flight %d, succeeded %d, retried %d, dead %d, invocations %d, throttled %d, %.0f/s%s",
		begin, done, c.settings.Orders, n.Received, n.InFlight, n.Succeeded, n.Retried, n.Dead, n.Invocations, n.Throttled, perSecond, end)
}

// end ends a worker: by the end of its standard input, or the hard way.
func (m *member) end(hard bool) error {
	if m.ended {
		return nil
	}
	m.ended = true
	if hard {
		_ = m.command.Process.Kill() // it has ended, or it does now
	}
	_ = m.in.Close()
	<-m.reading
	err := m.command.Wait()
	if hard {
		return nil
	}
	return err
}

// gone tells whether a worker has ended though nobody told it to.
func (m *member) gone() bool {
	select {
	case <-m.reading:
		return !m.ended
	default:
		return false
	}
}

// stop lets the workers finish.
func (c *crew) stop() error {
	errs := make([]error, 0, len(c.members))
	for _, m := range c.members {
		errs = append(errs, m.end(false))
	}
	return errors.Join(errs...)
}

func (c *crew) kill() {
	for _, m := range c.members {
		_ = m.end(true) // of a kill there is nothing to tell
	}
}
