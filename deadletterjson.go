package lambdabatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// MarshalJSON returns the letter as one line of JSON. Broken into several, with
// all there can be, it is this:
//
//	{"function":"price-orders","tenant":"blue","orderingKey":"customer 7","id":"A-17","error":"…","certainty":"maybe executed",
//	"submitted":"2026-11-22T10:00:00Z","ended":"2026-11-22T10:00:09.5Z",
//	"attempts":[{"requestId":"…","batchSize":20,"wait":"12.5ms","duration":"1m30s","certainty":"maybe executed","error":"…"}],
//	"payload":{"item":"tea","count":3}}
//
// Errors are their texts, certainties the words of [Certainty.String], durations
// those of [time.Duration.String], and times are in UTC. What is zero or nil is
// left out, but for certainties. The payload is last, byte for byte but with a
// space for each line break; [json.Marshal] compacts and escapes it on top of that,
// as it does with what any MarshalJSON returns. A payload that is not valid JSON
// is an error.
func (l DeadLetter) MarshalJSON() ([]byte, error) { return l.appendTo(nil) }

// UnmarshalJSON reads what MarshalJSON writes. Of an error only the text is left:
// what [CertaintyOf] told of it is in Certainty. An object without a certainty is
// no dead letter, and an error.
func (l *DeadLetter) UnmarshalJSON(data []byte) error {
	if string(data) == "null" { // by the convention of json.Unmarshaler
		return nil
	}
	return l.read(data)
}

// letterJSON is the form of a DeadLetter.
type letterJSON struct {
	Function  string          `json:"function,omitempty"`
	Tenant    string          `json:"tenant,omitempty"`
	Key       string          `json:"orderingKey,omitempty"`
	ID        string          `json:"id,omitempty"`
	Error     *string         `json:"error,omitempty"`
	Certainty string          `json:"certainty"`
	Submitted time.Time       `json:"submitted,omitzero"`
	Ended     time.Time       `json:"ended,omitzero"`
	Attempts  []attemptJSON   `json:"attempts,omitempty"`
	Payload   json.RawMessage `json:"payload,omitempty"`
}

type attemptJSON struct {
	RequestID string       `json:"requestId,omitempty"`
	BatchSize int          `json:"batchSize,omitempty"`
	Wait      durationJSON `json:"wait,omitempty"`
	Duration  durationJSON `json:"duration,omitempty"`
	Certainty string       `json:"certainty"`
	Error     *string      `json:"error,omitempty"`
}

// durationJSON is a duration as [time.Duration.String] writes it.
type durationJSON time.Duration

func (d durationJSON) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *durationJSON) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = durationJSON(parsed)
	return err
}

const payloadKey = `,"payload":`

// appendTo appends the letter's JSON, on one line and without a line break, to line.
func (l *DeadLetter) appendTo(line []byte) ([]byte, error) {
	form := letterJSON{
		Function:  l.Function,
		Tenant:    l.Tenant,
		Key:       l.Key,
		ID:        l.ID,
		Error:     textOf(l.Err),
		Certainty: l.Certainty.String(),
		Submitted: l.Submitted.UTC(),
		Ended:     l.Ended.UTC(),
	}
	for _, a := range l.Attempts {
		form.Attempts = append(form.Attempts, attemptJSON{
			a.RequestID, a.BatchSize, durationJSON(a.Wait), durationJSON(a.Duration), a.Certainty.String(), textOf(a.Err),
		})
	}
	start := len(line)
	buf := bytes.NewBuffer(line)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(form); err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(l.Payload) == 0 {
		return line, nil
	}
	// The payload is not encoded with the rest, for the encoder would compact it.
	line = slices.Grow(bytes.TrimSuffix(line, []byte("}")), len(payloadKey)+len(l.Payload)+len("}\n"))
	line = append(line, payloadKey...)
	payload := len(line)
	line = append(line, l.Payload...)
	for i, c := range line[payload:] {
		if c == '\n' || c == '\r' { // white space: in a string of JSON they are escaped
			line[payload+i] = ' '
		}
	}
	line = append(line, '}')
	// Both, for the payload alone may be as deep as JSON is read, or not a value but
	// two, which the object around it would hide.
	if !wire.Valid(l.Payload) || !wire.Valid(line[start:]) {
		return nil, errors.New("the payload is not valid JSON")
	}
	return line, nil
}

// read makes l the letter that data is.
func (l *DeadLetter) read(data []byte) error {
	var form letterJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return fmt.Errorf("lambdabatch: reading a dead letter: %w", err)
	}
	letter := DeadLetter{
		Function:  form.Function,
		Tenant:    form.Tenant,
		Key:       form.Key,
		ID:        form.ID,
		Payload:   form.Payload,
		Err:       errorOf(form.Error),
		Submitted: form.Submitted,
		Ended:     form.Ended,
	}
	var err error
	letter.Certainty, err = certaintyOf(form.Certainty)
	for _, a := range form.Attempts {
		certainty, aerr := certaintyOf(a.Certainty)
		err = errors.Join(err, aerr)
		letter.Attempts = append(letter.Attempts, Attempt{
			a.RequestID, a.BatchSize, time.Duration(a.Wait), time.Duration(a.Duration), certainty, errorOf(a.Error),
		})
	}
	if err != nil {
		return err
	}
	*l = letter
	return nil
}

// certaintyOf is the certainty that a word stands for. Each letter that was ever
// written has one, so that it tells letters from other JSON as well.
func certaintyOf(word string) (Certainty, error) {
	for _, c := range []Certainty{MaybeExecuted, NotExecuted, Executed} {
		if word == c.String() {
			return c, nil
		}
	}
	return MaybeExecuted, fmt.Errorf("lambdabatch: reading a dead letter: %q is not a certainty", word)
}

func textOf(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}

func errorOf(text *string) error {
	if text == nil {
		return nil
	}
	return errors.New(*text)
}
