package lambdabatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/lambdabatch/lambdabatch/internal/decode"
	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

var errNotJSON = errors.New("the record cannot be encoded: the json.RawMessage is not valid JSON")

// encode makes the record's entry of a value, exactly as it will be sent.
func (c *config) encode(r *engine.Record, in any, p *pen) error {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.buf.Reset()
	var err error
	if panicked := guard("the record's MarshalJSON", func() { err = e.json.Encode(in) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return &encodeError{fmt.Errorf("the record cannot be encoded: %w", err)}
	}
	return c.enter(r, bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")), p)
}

// enclose makes the record's entry of JSON, exactly as it will be sent.
func (c *config) enclose(r *engine.Record, data json.RawMessage, p *pen) error {
	if !wire.Valid(data) {
		return &encodeError{errNotJSON}
	}
	return c.enter(r, data, p)
}

// enter makes the record's entry of its data, which is valid JSON.
func (c *config) enter(r *engine.Record, data []byte, p *pen) error {
	if r.ID == "" {
		r.ID = p.id()
	}
	if c.format == Records {
		dst := p.room(wire.RecordRoom(r.ID, data))
		p.write(r, wire.AppendRecord(dst, r.ID, data))
		return nil
	}
	if c.deadLetter != nil {
		r.SetData(bytes.Clone(data))
	}
	var entry []byte
	var err error
	dst := p.room(len(data) + 256)
	panicked := guard("the Format", func() { entry, err = c.format.AppendRecord(dst, r.ID, data) })
	if panicked != nil {
		err = panicked
	}
	if err != nil {
		return &encodeError{fmt.Errorf("the record cannot be encoded: %w", err)}
	}
	p.write(r, entry)
	return nil
}

type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	// Escaping for HTML makes six bytes of one, for a reader that is not there.
	e.json.SetEscapeHTML(false)
	return e
}}

// decodeResult reads the data of r's result into out.
func decodeResult[Out any](d *decode.Decoder[Out], data []byte, out *Out, r *engine.Record) error {
	if raw, ok := any(out).(*json.RawMessage); ok {
		*raw = bytes.Clone(data) // not to keep the whole response for one record
		return nil
	}
	var err error
	if panicked := guard("the result's UnmarshalJSON", func() { err = d.Decode(data, out) }); panicked != nil {
		err = panicked
	}
	if err == nil {
		return nil
	}
	*out = *new(Out) // not half of a value
	return &ResultError{
		ID:        r.ID,
		RequestID: r.LastAttempt().RequestID,
		Problem:   "its data is not of the type asked for",
		Payload:   beginning(data),
		Err:       err,
	}
}
