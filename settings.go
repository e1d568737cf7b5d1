package lambdabatch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Settings is how a [Batcher] is set up: what its options and their defaults come to. It is
// for code that is given a Batcher and must fit itself to it.
type Settings struct {
	Function          string               // as given to New
	InvocationType    types.InvocationType // [WithInvocationType]
	MaxRecords        int                  // [WithMaxRecords]
	Linger            time.Duration        // [WithLinger]
	MaxBuffered       int                  // records, [WithMaxBuffered]
	InvocationTimeout time.Duration        // [WithInvocationTimeout]
}

// Settings returns how the Batcher is set up. It never changes.
func (b *Batcher[In, Out]) Settings() Settings {
	return Settings{
		Function:          b.config.function,
		InvocationType:    b.config.invocationType,
		MaxRecords:        b.config.maxRecords,
		Linger:            b.config.linger,
		MaxBuffered:       b.config.maxBuffered,
		InvocationTimeout: b.config.invocationTimeout,
	}
}
