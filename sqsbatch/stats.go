package sqsbatch

import "sync"

// Stats is what a [Pipeline] has done so far, and what it holds at the moment. Each message that was received is, in the end, one of Deleted, Retried, Returned and
// LostVisibility: Received is their sum, Duplicates and InFlight.
type Stats struct {
	// Received are the messages delivered by SQS, in Receives calls, of which EmptyReceives brought none.
	Received, Receives, EmptyReceives uint64
	// Duplicates are messages that were delivered again while they were on their way here. They are not processed twice at a time.
	Duplicates uint64
	// InFlight are messages that are held at the moment.
	InFlight int

	// Outcomes: Succeeded had a value, Dead has failed for good, of which Undecodable could not be decoded. With a dead-letter queue a message is Dead when it is there, and
	// without one each time that it comes.
	Succeeded, Dead, Undecodable uint64
	// DeadLetters were sent to the dead-letter queue.
	DeadLetters uint64
	// ResultErrors counts errors and panics of the result function.
	ResultErrors uint64

	// Deleted is a message that is done.
	Deleted uint64
	// Retried is a message that becomes visible again later, for whatever reason.
	Retried uint64
	// Returned is a message that became visible again at once: at the shutdown, or held by a failure of its group.
	Returned uint64
	// LostVisibility is a message that somebody else may have received since, or that SQS could not be told about while it was surely ours.
	LostVisibility uint64

	// Extended counts extensions of the visibility of single messages, Failures calls of SQS that have failed, and Pauses the times that nothing was received because of failures that
	// are not the messages'.
	Extended, Failures, Pauses uint64
	// Pollers run at the moment, and Window is how many messages they may hold.
	Pollers, Window int
}

// counts is Stats that many goroutines change.
type counts struct {
	mu    sync.Mutex // protects following
	stats Stats
}

func (c *counts) add(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.stats)
}

func (c *counts) get() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
