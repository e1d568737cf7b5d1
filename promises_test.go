package lambdabatch_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

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
		m.checkOrder(b)
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

// checkOrder: of the records of a key one is under way at a time, in their order.
func (m *model) checkOrder(b *simBatcher) {
	m.t.Helper()
	if b.durable { // a record that has left is sent again with the others
		return
	}
	type orderKey struct{ tenant, key string }
	byKey := map[orderKey][]*simRecord{}
	for _, r := range b.records {
		if r.key != "" && r.future != nil && len(r.sent) > 0 {
			k := orderKey{r.tenant, r.key}
			byKey[k] = append(byKey[k], r)
		}
	}
	for _, all := range byKey {
		slices.SortFunc(all, func(a, b *simRecord) int { return cmp.Compare(place(a.future), place(b.future)) })
		for i, r := range all[1:] {
			before := all[i].sent[len(all[i].sent)-1]
			if r.sent[0].at.Before(before.ended) {
				m.t.Errorf("%v is sent at %v, before %v has come back", r, r.sent[0].at.Sub(m.start), all[i])
			}
		}
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
		assert.Equal(m.t, r.key, letter.Key)
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
		pause := floor(a.Err)
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
	if r.err != nil && len(attempts) > 0 && !m.left(r) {
		m.checkHarm(r, attempts[len(attempts)-1], byRequest)
		m.checkGivenUp(r, attempts[len(attempts)-1], counted)
	}
}

// left reports whether a record has ended for a reason of its own, whatever its
// attempts have come to.
func (m *model) left(r *simRecord) bool {
	return errors.Is(r.err, context.DeadlineExceeded) || errors.Is(r.err, context.Canceled) ||
		errors.Is(r.err, lambdabatch.ErrDeliveryTimeout) || errors.Is(r.err, lambdabatch.ErrClosed)
}

// checkGivenUp: a record with attempts left is not given up for what may pass.
func (m *model) checkGivenUp(r *simRecord, last lambdabatch.Attempt, counted int) {
	m.t.Helper()
	b := r.batcher
	if len(b.pranks) > 0 || b.retries >= 0 || r.order.Kind == orderExitsDecoding {
		return
	}
	assert.False(m.t, throttledBy(last.Err), "%v is given up for a throttle: %v", r, r.err)
	if counted >= b.maxAttempts || b.budget {
		return
	}
	var refused *lambdabatch.RecordError
	if errors.As(last.Err, &refused) {
		assert.False(m.t, refused.Retryable, "%v is given up after %d of %d attempts: %v", r, counted, b.maxAttempts, r.err)
	}
	if last.Certainty == lambdabatch.NotExecuted || !b.certain || b.durable {
		assert.False(m.t, mayPass(last.Err), "%v is given up after %d of %d attempts: %v", r, counted, b.maxAttempts, r.err)
	}
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

// checkHarm: whom the function failed of, if not by itself, ends with that alone.
func (m *model) checkHarm(r *simRecord, last lambdabatch.Attempt, byRequest map[string]*lambdatest.Invocation) {
	m.t.Helper()
	var failed *lambdabatch.FunctionError
	b := r.batcher
	if !errors.As(last.Err, &failed) || b.certain || b.durable || b.sabotaged(inRetried, inInvoked) {
		return
	}
	if last.BatchSize > 1 {
		assert.ErrorContains(m.t, r.err, "fails whatever record it is given", "%v is harmed by a neighbour", r)
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
func floor(err error) time.Duration {
	var throttle *types.TooManyRequestsException
	var refused *lambdabatch.RecordError
	switch {
	case errors.As(err, &throttle) && throttle.RetryAfterSeconds != nil:
		n, _ := strconv.Atoi(*throttle.RetryAfterSeconds)
		return time.Duration(n) * time.Second
	case errors.As(err, &refused):
		return refused.RetryAfter
	}
	if f, ok := documentedBy(err); ok && f.fate == retried && f.certainty == lambdabatch.NotExecuted {
		return 2 * time.Second // something is being set up
	}
	return 0
}

// mayPass reports whether an invocation failed in a way that another one need not.
func mayPass(err error) bool {
	var failed *lambdabatch.InvokeError
	var unusable *lambdabatch.ResultError
	if !errors.As(err, &failed) || errors.As(err, &unusable) {
		return false
	}
	if f, ok := documentedBy(err); ok {
		return f.fate == retried
	}
	status := statusOf(err)
	return status == 0 || status == 200 || status >= 500
}

// documentedBy is the failure that err is documented as.
func documentedBy(err error) (failure, bool) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return failure{}, false
	}
	f, ok := failures[strconv.Itoa(statusOf(err))+" "+api.ErrorCode()]
	return f, ok
}

// failures are the documented ones, by status and code.
var failures = func() map[string]failure {
	all := map[string]failure{}
	for _, f := range documented() {
		all[f.name] = f
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
			// One more when healthy parts are slow to answer: records are tried alone then.
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
