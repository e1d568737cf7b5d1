package lambdabatch_test

import (
	"encoding/json"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// model sees what happens in a simulation, and knows what may.
type model struct {
	*scenario
	t     *testing.T
	start time.Time

	mu       sync.Mutex // protects all that follows, and what became of the records
	invokes  []*simInvoke
	permits  []*simPermit
	inFlight map[string]int  // calls under way, by function; "" is all
	broken   map[string]bool // request IDs of invocations that the function failed by itself
	seals    map[*simBatcher]int
	events   map[*simBatcher]map[string]int // how often a record was resolved, by ID
}

// simInvoke is a call of Invoke.
type simInvoke struct {
	batcher   *simBatcher
	tenant    string
	name      string // of a durable execution
	records   []*simRecord
	ids       []string
	at, ended time.Time
	throttled bool
}

// simPermit is a permit of the limiter's.
type simPermit struct {
	batcher  *simBatcher
	at       time.Time
	released int
	use      lambdabatch.Use
}

func newModel(t *testing.T, s *scenario) *model {
	t.Helper()
	return &model{
		scenario: s, t: t, start: time.Now(),
		inFlight: map[string]int{}, broken: map[string]bool{},
		seals: map[*simBatcher]int{}, events: map[*simBatcher]map[string]int{},
	}
}

func (m *model) lock(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *model) record(data []byte) *simRecord {
	var o order
	if err := json.Unmarshal(data, &o); err != nil || o.Key < 1 || o.Key > len(m.records) {
		m.t.Errorf("%q is no order that was given", data)
		return nil
	}
	return m.records[o.Key-1]
}

// invoke sees the beginning of a call.
func (m *model) invoke(b *simBatcher, in *lambda.InvokeInput) *simInvoke {
	m.mu.Lock()
	defer m.mu.Unlock()
	call := &simInvoke{batcher: b, at: time.Now()}
	if in.TenantId != nil {
		call.tenant = *in.TenantId
	}
	if in.DurableExecutionName != nil {
		call.name = *in.DurableExecutionName
	}
	request := lambdatest.Request{Payload: in.Payload}
	for _, sent := range request.Records() {
		r := m.record(sent.Data)
		assert.Equal(m.t, string(r.order.payload()), string(sent.Data))
		assert.NotContains(m.t, call.ids, sent.ID, "an ID twice in a batch")
		assert.Equal(m.t, r.tenant, call.tenant, "a batch of several tenants")
		assert.Same(m.t, b, r.batcher)
		if r.id != "" {
			assert.Equal(m.t, r.id, sent.ID)
		}
		call.records, call.ids = append(call.records, r), append(call.ids, sent.ID)
		r.sent = append(r.sent, call)
	}
	assert.NotEmpty(m.t, call.records, "an empty batch")
	assert.Equal(m.t, b.durable, call.name != "")
	assert.LessOrEqual(m.t, len(call.records), b.maxRecords)
	assert.LessOrEqual(m.t, len(in.Payload), b.maxBytes)
	m.invokes = append(m.invokes, call)
	for name, most := range map[string]int{"": m.limiter.account.inFlight, b.function: m.limiter.functions[b.function].inFlight} {
		m.inFlight[name]++
		if most > 0 {
			assert.LessOrEqual(m.t, m.inFlight[name], most, "in flight")
		}
	}
	return call
}

// invoked sees the end of a call.
func (m *model) invoked(call *simInvoke, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	call.ended = time.Now()
	call.throttled = throttledBy(err)
	m.inFlight[""]--
	m.inFlight[call.batcher.function]--
}

func (m *model) granted(b *simBatcher) *simPermit {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &simPermit{batcher: b, at: time.Now()}
	m.permits = append(m.permits, p)
	return p
}

func (m *model) released(p *simPermit, f lambdabatch.Feedback) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.released++
	p.use = f.Use
}

func (m *model) sealed(b *simBatcher, _ lambdabatch.SealedEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seals[b]++
}

func (m *model) resolved(b *simBatcher, e lambdabatch.ResolvedEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events[b] == nil {
		m.events[b] = map[string]int{}
	}
	m.events[b][e.ID]++
}

// buried sees a dead letter.
func (m *model) buried(key int, letter lambdabatch.DeadLetter) *simRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[key-1]
	r.letters = append(r.letters, letter)
	return r
}

// ran sees an invocation in the function.
func (m *model) ran(request *lambdatest.Request) []simRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	var runs []simRun
	for _, sent := range request.Records() {
		r := m.record(sent.Data)
		r.runs++
		runs = append(runs, simRun{r, sent.ID, r.runs})
	}
	return runs
}

// fails notes that the function fails as a whole, whatever it was given.
func (m *model) fails(request *lambdatest.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken[request.RequestID] = true
}

// ended sees a record's outcome.
func (m *model) ended(r *simRecord, value answer, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.ended, r.value, r.err = time.Now(), value, err
}

// tolerance is how much later than promised things may happen, for code of the
// user's takes its time.
func (m *model) tolerance(b *simBatcher) time.Duration {
	letter := b.delayed(inLetter)
	if b.stuck {
		letter += 30 * time.Second
	}
	const width = 64 // so many dead letters are written at a time
	n := time.Duration(len(b.records))
	return (n+width-1)/width*letter + n*b.delayed(inResolved) //nolint:durationcheck // n and width are numbers
}

// atRest checks that a Batcher of which all records are done holds nothing, and
// that nothing of it runs.
func (m *model) atRest(b *simBatcher) {
	b.Stats() // takes the lock of what is read here without
	engine := reflect.ValueOf(b.Batcher).Elem().FieldByName("core").Elem().FieldByName("engine").Elem()
	buffer := engine.FieldByName("buffer")
	assert.Zero(m.t, buffer.FieldByName("records").Int(), "records in the buffer of Batcher %d", b.number)
	assert.Zero(m.t, buffer.FieldByName("bytes").Int(), "bytes in the buffer of Batcher %d", b.number)
	assert.Zero(m.t, engine.FieldByName("running").Int(), "goroutines of Batcher %d", b.number)
	assert.Zero(m.t, engine.FieldByName("flights").Len(), "flights of Batcher %d", b.number)
	if !engine.FieldByName("killed").Bool() {
		assert.Zero(m.t, engine.FieldByName("orders").Len(), "keys of Batcher %d", b.number)
	}
	for lanes := engine.FieldByName("lanes").MapRange(); lanes.Next(); {
		lane := lanes.Value().Elem()
		assert.True(m.t, lane.FieldByName("wakeAt").IsZero(), "a timer runs of Batcher %d", b.number)
		for _, name := range []string{"live", "bytes", "hurried", "callerIDs", "split", "absent"} {
			assert.Zero(m.t, lane.FieldByName(name).Int(), "%s of a lane of Batcher %d", name, b.number)
		}
		assert.Zero(m.t, lane.FieldByName("pieces").Len())
		assert.Zero(m.t, lane.FieldByName("trials").Len())
		assert.Empty(m.t, lanes.Key().String(), "a tenant's lane that holds nothing")
	}
}

// place is that of a record in the order in which the Batcher has taken them in; 0 if
// it has not.
func place(f *lambdabatch.Future[answer]) uint64 {
	return reflect.ValueOf(f).Elem().FieldByName("record").FieldByName("seq").Uint()
}

func takenIn(f *lambdabatch.Future[answer]) bool { return place(f) > 0 }
