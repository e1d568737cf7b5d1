package engine

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/lambdabatch/lambdabatch/internal/fault"
)

// Config is what an Engine is made of. All fields but the hooks are required.
type Config struct {
	MaxRecords int           // of a batch
	MaxBytes   int           // of a batch's payload
	Envelope   Envelope      // of a payload
	Linger     time.Duration // how long a lane's oldest record waits for company

	MaxBufferedRecords int
	MaxBufferedBytes   int
	FailFast           bool // a full buffer refuses instead of making Submit wait

	MaxAttempts       int // of a record, throttled ones not counted
	RetryUncertain    bool
	RetryBudget       bool          // retries are bounded
	RetryRatio        float64       // to so many for each success
	RetryReserve      int           // and so many beside
	Resend            bool          // a retry sends the same bytes, which the function then runs once
	DeliveryTimeout   time.Duration // of a record; 0 is none
	InvocationTimeout time.Duration
	KeepContexts      bool // for owners that ask for their record's Context
	Backoff           func() backoff.BackOff

	// Acquire waits for the permit to start one invocation.
	Acquire func(context.Context) (Permit, error)
	// Release is called once for each: with the answer, or with nil when nothing was
	// left to send.
	Release func(Permit, *Answer)
	// Send makes one invocation of a batch and writes what came of it. Its
	// context ends with the InvocationTimeout, or when the Engine is made to stop at once.
	Send func(context.Context, *Batch, *Answer)
	// Refused words the error of a batch for which Acquire failed.
	Refused func(error) error

	// Panicked words the error of a panic with v in code of others. It is called while
	// the panic is on the stack.
	Panicked func(in string, v any) error

	// OnRetry, if set, is called for each record that is to be sent again.
	OnRetry func(r *Record, b *Batch, delay time.Duration, err error)
	// OnPanic is told of a panic that has no record to fail.
	OnPanic func(error)
}

// Permit is the limiter's, for one invocation. The Engine only keeps it.
type Permit any

// Answer is what came of one invocation.
type Answer struct {
	RequestID string
	Err       error       // the whole batch failed
	Fault     fault.Fault // what Err means; without Err only its Certainty counts
	Unsent    bool        // Err came before anything was sent
	Stopped   bool        // Err came of the Engine's own end
	Results   []Result    // without Err: one for each record, in the batch's order
	Lender    Lender      // of Results; may be nil

	TooMuch       bool    // Err may be for the number of the records
	TimedOut      bool    // the function ran into its timeout
	ResponseShare float64 // without Err: of the bytes that a response may have
}

// Lender gets back what it has lent.
type Lender interface {
	// Free is called when it is not needed any more.
	Free()
}

// Result is what the answer says of one record.
type Result struct {
	Data       []byte
	Err        error         // nil: the record succeeded
	Retry      bool          // the function asks for it again; Err says so, too
	RetryAfter time.Duration // not before this
}
