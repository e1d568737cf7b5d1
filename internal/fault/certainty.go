package fault

// Certainty says what is known of a function's execution after a failed invocation.
type Certainty uint8

const (
	// MaybeExecuted: the request was sent, or nobody knows. It is the zero value, which claims nothing.
	MaybeExecuted Certainty = iota
	// NotExecuted: the handler surely did not see the request. Its init code may have run.
	NotExecuted
	// Executed: the function ran, and its result is lost.
	Executed
)

// Or is the certainty of several attempts together: was the function executed by this one or by the other? Executed
// beats MaybeExecuted beats NotExecuted, so a sum over attempts begins with NotExecuted, not with the zero value.
func (c Certainty) Or(other Certainty) Certainty {
	switch {
	case c == Executed || other == Executed:
		return Executed
	case c == NotExecuted && other == NotExecuted:
		return NotExecuted
	default:
		return MaybeExecuted
	}
}

func (c Certainty) String() string {
	switch c {
	case NotExecuted:
		return "not executed"
	case Executed:
		return "executed"
	default:
		return "maybe executed"
	}
}
