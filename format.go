package lambdabatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch/internal/engine"
	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// Format is the shape of the payloads of requests and responses; see [WithFormat].
// There are [Records], [SQSEvent] and [Array], and a function that was written for
// something else can be called by a Format of your own. Package formattest checks
// one. A Format must be safe for concurrent use, and not block.
type Format interface {
	// Envelope is what stands around the records of a request, and between any two.
	// It is asked for once, by New.
	Envelope() (opening, separator, closing string)

	// AppendRecord appends one record as it stands in a request, and returns the
	// extended slice. data is valid JSON. It is called by Submit, once for each record,
	// which is sent in these bytes however often; its error refuses the record.
	AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error)

	// ReadResponse reads the response to a batch, and tells results of each record. Those
	// that it tells nothing of, or something twice, have failed with a [*ResultError].
	// An error says that the payload as a whole is of no use; then all have failed like
	// that, whatever was told. payload may be kept, but not changed.
	ReadResponse(payload []byte, results *Results) error
}

// Results is where a [Format] tells what a response says of the records of a batch.
// They are known by their place in the batch, from 0, in the order of the request. It
// must not be used after ReadResponse has returned.
type Results struct {
	records []*engine.Record
	results []engine.Result
	told    []int // how often, of each
	next    int   // the record that is likely to be looked for next
	byID    map[string]int
	parsed  []wire.Result // of a Format that reads such

	unmatched int
}

var allResults = sync.Pool{New: func() any { return new(Results) }}

func newResults(records []*engine.Record) *Results {
	r := allResults.Get().(*Results)
	r.records = records
	r.results = slices.Grow(r.results, len(records))[:len(records)]
	r.told = slices.Grow(r.told, len(records))[:len(records)]
	return r
}

// lent is Results as the engine sees them.
type lent Results

// Free gives r back. It must not hold on to anything.
func (l *lent) Free() {
	r := (*Results)(l)
	clear(r.results)
	clear(r.told)
	clear(r.byID)
	clear(r.parsed)
	*r = Results{results: r.results[:0], told: r.told[:0], byID: r.byID, parsed: r.parsed[:0]}
	allResults.Put(r)
}

// Len is the number of records in the batch.
func (r *Results) Len() int { return len(r.records) }

// ID is the ID of a record.
func (r *Results) ID(i int) string { return r.records[i].ID }

// Index is the place of the record with this ID. ok is false if there is none; then
// Index counts it as a result that belongs to no record.
func (r *Results) Index(id []byte) (i int, ok bool) {
	// Functions mostly answer in the order in which they were asked, and then need no
	// map.
	if i := r.next; i < len(r.records) && r.records[i].ID == string(id) {
		r.next++
		return i, true
	}
	if len(r.byID) == 0 {
		if r.byID == nil {
			r.byID = make(map[string]int, len(r.records))
		}
		for i, record := range r.records {
			r.byID[record.ID] = i
		}
	}
	i, ok = r.byID[string(id)]
	if ok {
		r.next = i + 1
	} else {
		r.Unmatched()
	}
	return i, ok
}

// Unmatched counts a result that belongs to no record; see [InvokedEvent].
func (r *Results) Unmatched() { r.unmatched++ }

// Succeed says that a record has succeeded. data is what the Batcher's Out is
// decoded from, JSON; nil is the zero Out.
func (r *Results) Succeed(i int, data json.RawMessage) {
	r.tell(i, engine.Result{Data: data})
}

// Fail says that a record has failed for good. err is what its future ends with; it
// should be a [*RecordError] if it is the function that says so.
func (r *Results) Fail(i int, err error) {
	r.tell(i, engine.Result{Err: orUnknown(err)})
}

// Retry says that a record is to be sent again, not before after has passed. err is
// what its future ends with if it has no attempts left.
func (r *Results) Retry(i int, after time.Duration, err error) {
	r.tell(i, engine.Result{Err: orUnknown(err), Retry: true, RetryAfter: after})
}

func (r *Results) tell(i int, result engine.Result) {
	if i < 0 || i >= len(r.told) {
		//nolint:forbidigo // as an index does; the Batcher makes an error of it
		panic(fmt.Sprintf("lambdabatch: Results: there is no record %d in a batch of %d", i, len(r.told)))
	}
	r.told[i]++
	r.results[i] = result
}

// orUnknown makes sure that a failure has an error.
func orUnknown(err error) error {
	if err == nil {
		return fmt.Errorf("%w: the Format gave it a nil error", ErrNoResult)
	}
	return err
}

// reading is what a response says of the records of a batch.
type reading struct {
	*Results
	// Of the results: what came of the records, and what belongs to none.
	succeeded, failed, retry, missing int
}

// read has f read a response. With an error the response holds no results, and no
// record has one.
func read(f Format, b *engine.Batch, payload []byte, requestID string) (reading, error) {
	results := newResults(b.Records)
	err := f.ReadResponse(payload, results)
	problem := "no result of this ID"
	if err != nil {
		problem = err.Error()
		(*lent)(results).Free()
		results = newResults(b.Records)
	}
	rd := reading{Results: results}
	var first []byte
	for i, r := range b.Records {
		res := &rd.results[i]
		if results.told[i] != 1 {
			if first == nil {
				first = beginning(payload)
			}
			missing := &ResultError{ID: r.ID, RequestID: requestID, Problem: problem, Payload: first, Err: ErrNoResult}
			if n := results.told[i]; n > 1 {
				missing.Problem = fmt.Sprintf("%d results of this ID", n)
			}
			rd.missing++
			*res = engine.Result{Err: missing}
			continue
		}
		switch {
		case res.Retry:
			rd.retry++
		case res.Err != nil:
			rd.failed++
		default:
			rd.succeeded++
		}
	}
	return rd, err
}

// beginning is enough of a payload to see what came.
func beginning(payload []byte) []byte {
	return bytes.Clone(payload[:min(len(payload), 256)])
}

func envelopeOf(f Format) engine.Envelope {
	var e engine.Envelope
	e.Opening, e.Separator, e.Closing = f.Envelope()
	return e
}
