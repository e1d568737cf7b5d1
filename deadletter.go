package lambdabatch

import (
	"encoding/json"
	"time"
)

// DeadLetter is a record that was given up.
type DeadLetter struct {
	Function  string
	Tenant    string
	ID        string
	Payload   json.RawMessage // the record's data as sent (the JSON of In)
	Err       error           // what its future ends with
	Certainty Certainty       // over all attempts
	Attempts  []Attempt       // all of them, in order (existing type in future.go)
	Submitted time.Time
	Ended     time.Time
}
