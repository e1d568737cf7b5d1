package lambdabatch

import "github.com/aws/aws-sdk-go-v2/service/lambda/types"

// Stats is what a [Batcher] has done so far, and what it holds at the moment.
type Stats struct {
	// Records since New. Submitted is the sum of Succeeded, Failed and those that
	// are buffered.
	Submitted, Succeeded, Failed uint64
	// Retried counts each time that a record went back to be sent again.
	Retried uint64

	// Invocations since New, throttled ones too, and the records they carried, each
	// time anew.
	Invocations, InvokedRecords uint64
	// Throttles counts the invocations refused with a 429, by its Reason.
	Throttles map[types.ThrottleReason]uint64
	// FillRatio is how full batches were on average: 1 is WithMaxRecords.
	FillRatio float64

	// Waiting records are to be sent, or to be sent again; InFlight ones are in
	// invocations, of which InvocationsInFlight are under way.
	Waiting, InFlight, InvocationsInFlight int
}

// Throttled is the number of invocations refused with a 429, for any Reason.
func (s Stats) Throttled() uint64 {
	var n uint64
	for _, of := range s.Throttles {
		n += of
	}
	return n
}

// Stats returns what the Batcher has done so far, and what it holds at the
// moment. It may be called at any time, also after Close.
func (b *Batcher[In, Out]) Stats() Stats {
	c := b.engine.Counts()
	s := Stats{
		Submitted:           c.Submitted,
		Succeeded:           c.Succeeded,
		Failed:              c.Failed,
		Retried:             c.Retried,
		Invocations:         c.Sealed,
		InvokedRecords:      c.SealedRecords,
		Throttles:           c.Throttles,
		Waiting:             c.Waiting,
		InFlight:            c.Flying,
		InvocationsInFlight: c.Invocations,
	}
	if c.Sealed > 0 {
		s.FillRatio = float64(c.SealedRecords) / float64(c.Sealed) / float64(b.config.maxRecords)
	}
	return s
}
