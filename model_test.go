package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
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
	at        time.Time
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

// takenIn reports whether the Batcher has taken a record in.
func takenIn(f *lambdabatch.Future[answer]) bool {
	return reflect.ValueOf(f).Elem().FieldByName("record").FieldByName("seq").Uint() > 0
}

// check holds the whole history against what was promised.
func (m *model) check(invocations []lambdatest.Invocation, shared lambdabatch.Limiter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	byRequest := map[string]*lambdatest.Invocation{}
	for i := range invocations {
		byRequest[invocations[i].RequestID] = &invocations[i]
	}
	for _, i := range invocations {
		assert.NotContains(m.t, string(i.Response), "Execution already started", "a name for two payloads")
	}
	m.checkPermits(shared)
	for _, b := range m.batchers {
		m.checkStats(b)
	}
	for _, r := range m.records {
		m.checkTimes(r)
		m.checkLetters(r)
		if r.ended.IsZero() {
			continue
		}
		if r.err == nil {
			m.checkSuccess(r, byRequest)
		} else {
			m.checkFailure(r)
		}
		if r.future != nil {
			m.checkAttempts(r, byRequest)
		}
	}
	for _, b := range m.batchers {
		m.checkBudget(b, invocations)
	}
	switch m.mood {
	case calm:
		m.checkCalm()
	case poisoned:
		m.checkPoisoned()
	case wild:
	}
}

// checkPermits: each is given back once, no two invocations have the same, and no
// more were used than the ceilings allow.
func (m *model) checkPermits(shared lambdabatch.Limiter) {
	m.t.Helper()
	used := map[string][]time.Duration{}
	uses, throttles := map[*simBatcher]int{}, map[*simBatcher]int{}
	for _, p := range m.permits {
		assert.Equal(m.t, 1, p.released, "a permit of Batcher %d", p.batcher.number)
		if p.use == lambdabatch.NotUsed {
			continue
		}
		uses[p.batcher]++
		if p.use == lambdabatch.Throttled {
			throttles[p.batcher]++
		}
		for _, name := range []string{"", p.batcher.function} {
			used[name] = append(used[name], p.at.Sub(m.start))
		}
	}
	for name, at := range used {
		c := m.limiter.functions[name]
		if name == "" {
			c = m.limiter.account
		}
		if c.perSecond > 0 {
			withinRate(m.t, at, c.perSecond, c.burst)
		}
	}
	calls, throttled := map[*simBatcher]int{}, map[*simBatcher]int{}
	for _, call := range m.invokes {
		calls[call.batcher]++
		if call.throttled {
			throttled[call.batcher]++
		}
	}
	for _, b := range m.batchers {
		if b.sabotaged(inSealed, inInvoking) { // an exit there is taken for an invocation
			assert.LessOrEqual(m.t, calls[b], uses[b], "invocations without a permit, Batcher %d", b.number)
		} else {
			assert.Equal(m.t, uses[b], calls[b], "permits and invocations of Batcher %d", b.number)
		}
		if !b.sabotaged(inInvoked) {
			assert.Equal(m.t, throttled[b], throttles[b], "throttles that the limiter was told of, Batcher %d", b.number)
		}
	}
	if l, ok := shared.(*lambdabatch.AdaptiveLimiter); ok {
		assert.Zero(m.t, l.State().Account.InFlight)
		for name, f := range l.State().Functions {
			assert.Zero(m.t, f.InFlight, name)
			assert.Zero(m.t, f.Waiting, name)
		}
	}
}

// checkStats: the counts of a Batcher at its end.
func (m *model) checkStats(b *simBatcher) {
	m.t.Helper()
	st := b.Stats()
	assert.Zero(m.t, st.Waiting)
	assert.Zero(m.t, st.InFlight)
	assert.Zero(m.t, st.InvocationsInFlight)
	assert.Equal(m.t, st.Submitted, st.Succeeded+st.Failed)
	var begun, succeeded, unseen, events, calls, carried, throttled uint64
	ids := map[string]int{}
	for _, r := range b.records {
		if r.began.IsZero() || r.order.Kind == orderExitsEncoding && !r.bad {
			continue
		}
		begun++
		switch {
		case r.ended.IsZero():
			unseen++
		case r.err == nil:
			succeeded++
		}
		if r.future != nil {
			ids[r.future.ID()]++
		}
	}
	for _, call := range m.invokes {
		if call.batcher == b {
			calls++
			carried += uint64(len(call.records))
			if call.throttled {
				throttled++
			}
		}
	}
	for _, n := range m.events[b] {
		events += uint64(n)
	}
	assert.Equal(m.t, begun, st.Submitted, "Batcher %d", b.number)
	assert.Equal(m.t, begun, events, "each record is resolved once, Batcher %d", b.number)
	assert.GreaterOrEqual(m.t, st.Succeeded, succeeded, "Batcher %d", b.number)
	assert.LessOrEqual(m.t, st.Succeeded, succeeded+unseen, "Batcher %d", b.number)
	for id, n := range ids {
		if n > m.events[b][id] {
			m.t.Errorf("%d records of ID %q of Batcher %d were resolved %d times", n, id, b.number, m.events[b][id])
		}
	}
	if !b.sabotaged(inSealed, inInvoking) {
		assert.Equal(m.t, calls, st.Invocations, "Batcher %d", b.number)
		if !b.durable { // records that have left are sent again
			assert.Equal(m.t, carried, st.InvokedRecords, "Batcher %d", b.number)
		}
	}
	if !b.sabotaged(inInvoked) && !b.exited(inRetried, inBackoff) {
		assert.Equal(m.t, throttled, st.Throttled(), "Batcher %d", b.number)
	}
}

// checkTimes: a record is done when its time is over, and then is not sent.
func (m *model) checkTimes(r *simRecord) {
	m.t.Helper()
	b := r.batcher
	slow := b.delayed(inSealed, inInvoking) // sealed, and not yet sent
	names := map[string]bool{}
	for _, call := range r.sent {
		sealed := call.at.Add(-slow)
		if names[call.name] {
			continue // what is sent again is the same, to the byte
		}
		names[call.name] = b.durable
		if over := r.overAt; !over.IsZero() && (sealed.After(over) || !r.canceled && sealed.Equal(over)) {
			m.t.Errorf("%v is sent at %v, its time was over at %v", r, call.at.Sub(m.start), over.Sub(m.start))
		}
		if r.way != byMap && !r.ended.IsZero() && sealed.After(r.ended) {
			m.t.Errorf("%v is sent at %v, it had ended at %v", r, call.at.Sub(m.start), r.ended.Sub(m.start))
		}
	}
	if r.way != byMap && !r.overAt.IsZero() && !r.ended.IsZero() {
		if late := r.ended.Sub(r.overAt); late > m.tolerance(b) {
			m.t.Errorf("%v ends at %v, %v after its time was over: %v", r, r.ended.Sub(m.start), late, r.err)
		}
	}
}

// checkLetters: what was taken in and given up is a dead letter, once and whole.
func (m *model) checkLetters(r *simRecord) {
	m.t.Helper()
	if len(r.letters) > 1 {
		m.t.Errorf("%v makes %d dead letters", r, len(r.letters))
	}
	if r.future != nil {
		in := takenIn(r.future)
		if r.err == nil || r.returned.Before(r.ended) && r.batcher.delayed(inResolved) == 0 {
			assert.True(m.t, in, "%v is under way, or succeeds, without being taken in", r)
		}
		want := in && r.err != nil && r.batcher.letters
		assert.Equal(m.t, want, len(r.letters) == 1, "%v, ended with %v: dead letters", r, r.err)
	} else if !r.ended.IsZero() && !r.batcher.letters || r.err == nil && r.way != byMap && !r.ended.IsZero() {
		assert.Empty(m.t, r.letters, "%v", r)
	} else if ran := len(r.sent) > 0 && r.err != nil; ran {
		assert.Len(m.t, r.letters, 1, "%v, ended with %v: dead letters", r, r.err)
	}
	for _, letter := range r.letters {
		assert.Equal(m.t, string(r.order.payload()), string(letter.Payload), "%v", r)
		assert.Equal(m.t, r.batcher.function, letter.Function)
		assert.Equal(m.t, r.tenant, letter.Tenant)
		assert.Error(m.t, letter.Err)
		assert.True(m.t, letter.Submitted.Equal(r.began), "%v", r)
		assert.False(m.t, letter.Ended.Before(r.began), "%v", r)
		if r.id != "" {
			assert.Equal(m.t, r.id, letter.ID)
		}
		if r.ended.IsZero() {
			continue
		}
		assert.ErrorIs(m.t, r.err, letter.Err, "%v: the error is the one in its dead letter", r)
		assert.Equal(m.t, lambdabatch.CertaintyOf(r.err), letter.Certainty, "%v", r)
		if r.future != nil {
			assert.Len(m.t, letter.Attempts, len(r.future.Attempts()), "%v", r)
		}
	}
}

// checkSuccess: a response has said so.
func (m *model) checkSuccess(r *simRecord, byRequest map[string]*lambdatest.Invocation) {
	m.t.Helper()
	if r.future == nil {
		for _, i := range byRequest {
			if m.said(r, i) {
				return
			}
		}
		m.t.Errorf("%v succeeds with %v, no response says so", r, r.value)
		return
	}
	attempts := r.future.Attempts()
	if len(attempts) == 0 {
		m.t.Errorf("%v succeeds without an attempt", r)
		return
	}
	last := attempts[len(attempts)-1]
	assert.NoError(m.t, last.Err, "%v", r)
	if i := byRequest[last.RequestID]; i == nil || !m.said(r, i) {
		m.t.Errorf("%v succeeds with %v, the response does not say so: %+v", r, r.value, i)
	}
}

// said reports whether an invocation gave r its value.
func (m *model) said(r *simRecord, i *lambdatest.Invocation) bool {
	id := ""
	for _, sent := range i.Records() {
		if m.record(sent.Data) == r {
			id = sent.ID
		}
	}
	if id == "" {
		return false
	}
	if r.batcher.event {
		return i.Status == 202 && i.Type == types.InvocationTypeEvent && r.value == answer{}
	}
	var response struct{ Results []json.RawMessage }
	if i.Status != 200 || i.FunctionError != "" || json.Unmarshal(i.Response, &response) != nil {
		return false
	}
	found, good := 0, false
	for _, element := range response.Results {
		var result struct {
			ID, Status string
			Data       plainAnswer
		}
		if err := json.Unmarshal(element, &result); err == nil && result.ID == id {
			found++
			good = result.Status == "success" && answer(result.Data) == r.value
		}
	}
	return found == 1 && good
}

// checkFailure: no value comes with an error, and it never says that what ran did not.
func (m *model) checkFailure(r *simRecord) {
	m.t.Helper()
	assert.Zero(m.t, r.value, "%v: a value that comes with an error: %v", r, r.err)
	certainty := lambdabatch.CertaintyOf(r.err)
	if r.runs > 0 {
		assert.NotEqual(m.t, lambdabatch.NotExecuted, certainty, "%v ran %d times: %v", r, r.runs, r.err)
	}
	if len(r.sent) == 0 && len(r.batcher.pranks) == 0 {
		assert.Equal(m.t, lambdabatch.NotExecuted, certainty, "%v was never sent: %v", r, r.err)
	}
}

// checkAttempts: they are what happened, and no more than is allowed.
func (m *model) checkAttempts(r *simRecord, byRequest map[string]*lambdatest.Invocation) {
	m.t.Helper()
	b := r.batcher
	attempts := r.future.Attempts()
	counted, unsplit, uncertain, asked := 0, 0, 0, 0
	for i, a := range attempts {
		var refused *lambdabatch.RecordError
		splits := b.splits(a)
		if !splits {
			unsplit++
		}
		if !splits && !throttledBy(a.Err) {
			counted++
		}
		if a.Certainty != lambdabatch.NotExecuted {
			uncertain++
		}
		isAsked := errors.As(a.Err, &refused) && refused.Retryable
		if isAsked {
			asked++
		}
		assert.Positive(m.t, a.BatchSize)
		assert.LessOrEqual(m.t, a.BatchSize, b.maxRecords)
		m.checkRequest(r, a, byRequest)
		if i == len(attempts)-1 {
			break
		}
		next := attempts[i+1]
		assert.Error(m.t, a.Err, "%v is sent again after a success", r)
		pause := b.floor(a.Err)
		if !splits && !b.jitter && b.retries < 0 {
			pause = max(pause, b.pause)
		}
		assert.GreaterOrEqual(m.t, next.Wait, a.Wait+a.Duration+pause, "%v is sent again too soon after %v", r, a.Err)
		if b.certain && !b.durable && !isAsked {
			assert.Equal(m.t, lambdabatch.NotExecuted, a.Certainty, "%v is sent again after %v", r, a.Err)
		}
	}
	assert.LessOrEqual(m.t, counted, b.maxAttempts, "%v: attempts", r)
	if b.retries >= 0 {
		assert.LessOrEqual(m.t, unsplit, b.retries+1, "%v: attempts after the backoff has said stop", r)
	}
	assert.LessOrEqual(m.t, r.runs, uncertain, "%v ran more often than its attempts tell", r)
	if b.certain {
		assert.LessOrEqual(m.t, r.runs, 1+asked, "%v ran again", r)
	}
	if !b.durable {
		assert.LessOrEqual(m.t, len(r.sent), len(attempts), "%v was sent more often than its attempts tell", r)
	}
	m.checkHarm(r, attempts, byRequest)
}

// checkRequest: an attempt is what Lambda saw, if it did.
func (m *model) checkRequest(r *simRecord, a lambdabatch.Attempt, byRequest map[string]*lambdatest.Invocation) {
	m.t.Helper()
	if a.RequestID == "" {
		return
	}
	i := byRequest[a.RequestID]
	if i == nil {
		m.t.Errorf("%v: no invocation has the ID of an attempt", r)
		return
	}
	assert.True(m.t, slices.ContainsFunc(i.Records(), func(sent lambdatest.Record) bool { return m.record(sent.Data) == r }),
		"%v: it was not in the invocation of its attempt", r)
	if !r.batcher.durable {
		assert.Len(m.t, i.Records(), a.BatchSize, "%v", r)
	}
	if i.Executed {
		assert.NotEqual(m.t, lambdabatch.NotExecuted, a.Certainty, "%v: %v", r, a.Err)
	}
}

// checkHarm: whose record the function failed of, if it was not by itself, that one
// ends with it, and alone.
func (m *model) checkHarm(r *simRecord, attempts []lambdabatch.Attempt, byRequest map[string]*lambdatest.Invocation) {
	m.t.Helper()
	var failed *lambdabatch.FunctionError
	b := r.batcher
	if len(attempts) == 0 || r.err == nil || b.certain || b.durable || b.sabotaged(inRetried, inInvoked) {
		return
	}
	if last := attempts[len(attempts)-1]; !errors.As(last.Err, &failed) {
		return
	} else if last.BatchSize > 1 {
		left := errors.Is(r.err, context.DeadlineExceeded) || errors.Is(r.err, context.Canceled) ||
			errors.Is(r.err, lambdabatch.ErrDeliveryTimeout) || errors.Is(r.err, lambdabatch.ErrClosed)
		if !left && !strings.Contains(r.err.Error(), "fails whatever record it is given") {
			assert.Fail(m.t, "harmed by a neighbour", "%v: %v", r, r.err)
		}
		return
	}
	i := byRequest[failed.RequestID]
	if _, poison := r.order.poison(); poison || i == nil || m.broken[i.RequestID] || strings.Contains(string(i.Response), "timed out") {
		return
	}
	for _, effect := range []string{"andled", "TimedOut", "OutOfMemory", "Exited", "ResponseTooLarge", "Respond"} {
		if strings.Contains(i.Fault, effect) {
			return
		}
	}
	assert.Fail(m.t, "harmed without a reason", "%v: %v", r, r.err)
}

// splits reports whether an attempt was followed by one with half of its records.
func (b *simBatcher) splits(a lambdabatch.Attempt) bool {
	var failed *lambdabatch.FunctionError
	return a.BatchSize > 1 && (statusOf(a.Err) == 413 || errors.As(a.Err, &failed) && !b.certain)
}

// floor is the least time between an attempt that ended with err and the next.
func (b *simBatcher) floor(err error) time.Duration {
	var throttle *types.TooManyRequestsException
	var refused *lambdabatch.RecordError
	var api smithy.APIError
	switch {
	case errors.As(err, &throttle) && throttle.RetryAfterSeconds != nil:
		n, _ := strconv.Atoi(*throttle.RetryAfterSeconds)
		return time.Duration(n) * time.Second
	case errors.As(err, &refused):
		return refused.RetryAfter
	case errors.As(err, &api) && slowly[api.ErrorCode()] == statusOf(err) && statusOf(err) > 0:
		return 2 * time.Second
	default:
		return 0
	}
}

// slowly are the statuses of the errors after which something is being set up, by
// their codes.
var slowly = func() map[string]int {
	all := map[string]int{}
	for _, f := range documented() {
		if f.fate == retried && f.certainty == lambdabatch.NotExecuted {
			all[f.code], _ = strconv.Atoi(f.name[:3])
		}
	}
	return all
}()

func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

func throttledBy(err error) bool { return statusOf(err) == 429 }

// checkBudget: no more retries than the budget has to give.
func (m *model) checkBudget(b *simBatcher, invocations []lambdatest.Invocation) {
	m.t.Helper()
	if !b.budget {
		return
	}
	retries, successes := 0, 0
	first, last := time.Time{}, time.Time{}
	for _, r := range b.records {
		if r.future == nil {
			continue
		}
		attempts := r.future.Attempts()
		for i, a := range attempts {
			if i < len(attempts)-1 && !b.splits(a) && !throttledBy(a.Err) {
				retries++
			}
		}
		if first.IsZero() || r.began.Before(first) {
			first = r.began
		}
		if r.ended.After(last) {
			last = r.ended
		}
	}
	for _, i := range invocations {
		records := i.Records()
		if len(records) > 0 && m.record(records[0].Data).batcher == b {
			if b.event {
				successes += len(records)
			}
			successes += strings.Count(string(i.Response), `"success"`)
		}
	}
	// Their clock runs since they were made.
	given := float64(b.reserve)*(1+last.Sub(m.start).Seconds()/100) + b.ratio*float64(successes)
	assert.LessOrEqual(m.t, float64(retries), max(given, 0)+1e-6, "retries of Batcher %d, with a reserve of %d", b.number, b.reserve)
}

// checkCalm: nothing went wrong, so nothing fails, and each record travels once.
func (m *model) checkCalm() {
	m.t.Helper()
	for _, r := range m.records {
		assert.NoError(m.t, r.err, "%v", r)
		assert.Len(m.t, r.sent, 1, "%v", r)
		assert.Equal(m.t, 1, r.runs, "%v", r)
		if !r.batcher.event {
			assert.Equal(m.t, r.order.Key, r.value.Key, "%v", r)
		}
	}
}

// checkPoisoned: only what is poison fails, alone, and in no more invocations than
// it takes to find it.
func (m *model) checkPoisoned() {
	m.t.Helper()
	type tree struct{ records, poisons, invocations int }
	trees := map[*simInvoke]*tree{}
	for _, call := range m.invokes {
		root := call.records[0].sent[0]
		if call == root {
			trees[root] = &tree{records: len(call.records)}
			for _, r := range call.records {
				if _, poison := r.order.poison(); poison && !call.batcher.event {
					trees[root].poisons++
				}
			}
		}
		trees[root].invocations++
		for _, r := range call.records {
			assert.Same(m.t, root, r.sent[0], "%v is in a part of a batch that it was not in", r)
		}
	}
	for _, tree := range trees {
		most := max(1, 2*tree.records-1)
		switch tree.poisons {
		case 0:
			most = 1
		case 1:
			most = min(most, 1+2*bits.Len(uint(tree.records-1))+1)
		}
		assert.LessOrEqual(m.t, tree.invocations, most, "invocations of %+v", *tree)
	}
	for _, r := range m.records {
		kind, poison := r.order.poison()
		if !poison || r.batcher.event {
			assert.NoError(m.t, r.err, "%v", r)
			if !r.batcher.event {
				assert.Equal(m.t, r.order.Key, r.value.Key, "%v", r)
			}
			continue
		}
		var failed *lambdabatch.FunctionError
		if assert.ErrorAs(m.t, r.err, &failed, "%v", r) {
			assert.Equal(m.t, kind, failed.Kind, "%v: %v", r, r.err)
		}
		assert.Len(m.t, r.sent[len(r.sent)-1].records, 1, "%v", r)
	}
}
