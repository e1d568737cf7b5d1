package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// Handler is a Lambda handler: aws-lambda-go's lambda.Start takes it as it is. It is
// made by [New] or [NewBatch], and may be used concurrently.
type Handler struct {
	options
	work func(ctx context.Context, e *event) ([]outcome, error)
}

// New makes a handler of a function for one record. f may be called concurrently,
// up to [Concurrency] at a time. Its context ends a little before the Lambda
// function's time does, see [DeadlineMargin], and knows the record's [ID]. In is read
// as encoding/json decodes it, Out is written as it encodes it; a
// [encoding/json.RawMessage] goes as it is. It panics if f is nil.
func New[In, Out any](f func(ctx context.Context, in In) (Out, error), opts ...Option) *Handler {
	if f == nil {
		panic("handler: New(nil): must be a function")
	}
	h := &Handler{options: newOptions(opts)}
	h.work = func(ctx context.Context, e *event) ([]outcome, error) {
		w := newWork(e, func(ctx context.Context, i int) outcome {
			return call(ctx, h, f, &e.records[i])
		})
		return w.run(ctx, h.concurrency), nil
	}
	return h
}

// Invoke is what the Lambda runtime calls: it answers a payload. Its error is that
// of the whole invocation.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := recognise(payload)
	if err != nil {
		return nil, err
	}
	ctx, cancel := h.bound(ctx)
	defer cancel()
	outcomes, err := h.work(ctx, &e)
	if err != nil {
		return nil, err
	}
	return h.answer(&e, outcomes)
}

// bound ends ctx by the margin before its deadline.
func (h *Handler) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || h.margin == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(h.margin, time.Until(deadline)/2)))
}

// call calls the user's function for one record.
func call[In, Out any](ctx context.Context, h *Handler, f func(context.Context, In) (Out, error), r *record) (out outcome) {
	defer func() {
		if v := recover(); v != nil {
			h.logger.ErrorContext(ctx, "handler: the function panicked", "panic", fmt.Sprint(v), "id", string(r.id), "stack", string(debug.Stack()))
			out = outcome{err: panicked(v)}
		}
	}()
	var in In
	if err := decode(r, &in); err != nil {
		return outcome{err: err}
	}
	of := ctx
	if r.id != nil {
		of = &recordContext{ctx, r.id}
	}
	value, err := f(of, in)
	if err != nil {
		return failure(ctx, err)
	}
	data, err := encode(&value)
	return outcome{data: data, err: err}
}

// failure is the outcome of a record for which the function gave an error.
func failure(ctx context.Context, err error) outcome {
	var final *permanentError
	var again *retryAfterError
	switch {
	case errors.As(err, &final):
		return outcome{err: err}
	case errors.As(err, &again):
		return outcome{err: err, retry: true, after: again.d}
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return outcome{err: err, retry: true} // it was the deadline that stopped it
	default:
		return outcome{err: err}
	}
}

// decode reads the data of a record.
func decode[In any](r *record, in *In) error {
	data := r.data
	if raw, ok := any(in).(*json.RawMessage); ok && (!r.text || wire.Valid(data)) {
		*raw = data
		return nil
	}
	var err error
	if !r.text || reflect.TypeFor[In]().Kind() != reflect.String {
		if err = json.Unmarshal(data, in); err == nil {
			return nil
		}
	}
	if r.text {
		// The body of an SQS message is the text itself, where JSON has a string.
		if quoted, failed := json.Marshal(string(data)); failed == nil {
			*in = *new(In)
			if json.Unmarshal(quoted, in) == nil {
				return nil
			}
		}
	}
	return own("InvalidRecord", "the record cannot be decoded: %w", err)
}

// encode writes the value of a record.
func encode[Out any](value *Out) ([]byte, error) {
	if raw, ok := any(value).(*json.RawMessage); ok && *raw != nil {
		if !wire.Valid(*raw) {
			return nil, own("InvalidResult", "the result cannot be encoded: the json.RawMessage is not valid JSON")
		}
		return *raw, nil
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.buf.Reset()
	if err := e.json.Encode(value); err != nil {
		return nil, own("InvalidResult", "the result cannot be encoded: %w", err)
	}
	return bytes.Clone(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))), nil
}

type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}}
