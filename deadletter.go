package lambdabatch

import (
	"encoding/json"
	"time"
)

// DeadLetter is a record that was given up. It has all that is needed to find
// out why, and to submit the record again.
type DeadLetter struct {
	Function  string          // as given to New
	Tenant    string          // empty: none
	Key       string          // of [OrderingKey]; empty: none
	ID        string          // the record's
	Payload   json.RawMessage // the record's data as sent: the JSON of In
	Err       error           // what its future ends with
	Certainty Certainty       // whether the function may have seen it, in any of its attempts
	Attempts  []Attempt       // each invocation that carried it, in order; nil if there was none
	Submitted time.Time       // when Submit was called
	Ended     time.Time       // when it was given up
}

// Options are those to submit the record with again: its ID, its tenant and its
// ordering key.
func (l DeadLetter) Options() []RecordOption {
	opts := []RecordOption{ID(l.ID)}
	if l.Tenant != "" {
		opts = append(opts, Tenant(l.Tenant))
	}
	if l.Key != "" {
		opts = append(opts, OrderingKey(l.Key))
	}
	return opts
}
