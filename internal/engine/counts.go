package engine

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// Counts is what an Engine has done, and what it holds.
type Counts struct {
	// Of records, since the beginning.
	Submitted, Succeeded, Failed, Retried uint64

	// Of invocations, since the beginning.
	Sealed        uint64 // batches with a permit
	SealedRecords uint64 // in them, each time anew
	Throttles     map[types.ThrottleReason]uint64

	// Now.
	Waiting     int // records in lanes, waiting to be sent or sent again
	Flying      int // records in invocations
	Invocations int // under way
}

func (c *Counts) sealed(b *Batch) {
	if b.limiterErr != nil {
		return // it is never sent
	}
	c.Sealed++
	c.SealedRecords += uint64(len(b.Records))
}

func (c *Counts) landed(a *Answer) {
	if a.Err == nil || a.Fault.Class != fault.Throttled {
		return
	}
	if c.Throttles == nil {
		c.Throttles = make(map[types.ThrottleReason]uint64)
	}
	c.Throttles[a.Fault.Reason]++
}

// Counts returns a copy of the counts.
func (e *Engine) Counts() Counts {
	e.mu.Lock()
	defer e.unlock()
	c := e.counts
	c.Throttles = maps.Clone(e.counts.Throttles)
	c.Invocations = len(e.flights)
	for b := range e.flights {
		if !b.boarded {
			c.Flying += len(b.Records)
			continue
		}
		for _, r := range b.Records {
			if r.state == flying && r.flight == b.Flight {
				c.Flying++
			}
		}
	}
	c.Waiting = e.buffer.records - c.Flying - e.untold
	return c
}
