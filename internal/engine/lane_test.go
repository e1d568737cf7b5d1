package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// envelope is that of the default format.
var envelope = Envelope{`{"records":[`, `,`, `]}`}

// laneModel does to a lane what a program says, and checks it after each step
// against a plain list.
type laneModel struct {
	t        *testing.T
	lane     *lane
	now      instant
	seq      uint64
	waiting  []*Record // in order
	delayed  []*Record
	sealed   map[*Record]int
	left     map[*Record]bool
	accepted int
	scratch  []byte // the entry of the last record, until the next one's
	entries  map[*Record][]byte
	held     map[uint64]*Record
	sheets   int // batches that were sealed as they were gathered
	whole    int // those of them of which no record was looked at
}

func newLaneModel(t *testing.T, l limits) *laneModel {
	t.Helper()
	return &laneModel{
		t: t, lane: newLane("", l), now: 1,
		sealed: map[*Record]int{}, left: map[*Record]bool{}, entries: map[*Record][]byte{}, held: map[uint64]*Record{},
	}
}

// add adds a record of n bytes, with an ID that is the caller's if it is not "".
func (m *laneModel) add(n int, id string) {
	m.seq += 2 // those between are for records that are held
	entry := bytes.Repeat(strconv.AppendUint(nil, m.seq, 10), n)[:n]
	m.scratch = append(m.scratch[:0], entry...)
	r := &Record{ID: id, CallerID: id != "", seq: m.seq, Entry: m.scratch, Lent: true, arrived: m.now}
	if n%7 == 0 {
		r.keep()
	}
	if n%5 == 0 { // it may leave
		r.extra().ctx, r.extra().release = context.Background(), func() {}
	}
	if id == "" {
		r.ID = "generated " + strconv.FormatUint(m.seq, 10)
	}
	if m.lane.limits.overhead()+m.lane.limits.size(r) > m.lane.limits.bytes {
		return // is refused at Submit
	}
	m.accepted++
	m.entries[r] = entry
	m.lane.add(r)
	m.waiting = append(m.waiting, r)
}

// addHeld adds a record that was held, and so comes between those that came meanwhile.
func (m *laneModel) addHeld(i int) {
	if len(m.waiting) == 0 {
		return
	}
	before := m.waiting[i%len(m.waiting)]
	if _, taken := m.held[before.seq-1]; taken || before.seq%2 == 1 {
		return
	}
	r := &Record{ID: fmt.Sprint("held ", before.seq-1), seq: before.seq - 1, Entry: []byte("held"), arrived: m.now}
	if m.lane.limits.overhead()+m.lane.limits.size(r) > m.lane.limits.bytes {
		return
	}
	m.held[r.seq] = r
	m.accepted++
	m.entries[r] = r.Entry
	m.lane.addHeld(r)
	m.waiting = append(m.waiting, r)
	slices.SortFunc(m.waiting, bySeq)
}

func (m *laneModel) leave(i int) {
	list := &m.waiting
	if i%2 == 1 {
		list = &m.delayed
	}
	if len(*list) == 0 {
		return
	}
	i = i / 2 % len(*list)
	r := (*list)[i]
	if r.plain() && r.state == queued {
		return // has no context that could end
	}
	*list = append((*list)[:i:i], (*list)[i+1:]...)
	m.lane.leave(r)
	m.left[r] = true
}

// seal seals a batch, and lets all or none of its records return later.
func (m *laneModel) seal(fails bool, delay time.Duration) {
	m.comeBack()
	var records, over []*Record
	var size int
	var whole *sheet
	if m.lane.queue.len() > 0 {
		records, size, whole = m.lane.sealSheet()
	}
	if whole == nil {
		records, size, over = m.lane.seal(m.now)
		require.Empty(m.t, over)
	}
	l := m.lane.limits
	require.LessOrEqual(m.t, len(records), m.lane.portion.records)
	require.LessOrEqual(m.t, size, l.bytes)
	want := l.overhead()
	ids := map[string]bool{}
	next := 0
	for _, r := range records {
		want += l.size(r)
		require.False(m.t, ids[r.ID], "two records of ID %q in a batch", r.ID)
		ids[r.ID] = true
		// In order; passed over are only those whose ID is in the batch.
		for m.waiting[next] != r {
			require.True(m.t, ids[m.waiting[next].ID], "a record was passed over")
			next++
		}
		m.waiting = append(m.waiting[:next:next], m.waiting[next+1:]...)
	}
	require.Equal(m.t, want, size)
	if len(m.waiting) > 0 {
		require.NotEmpty(m.t, records, "there is always something to seal")
		full := whole != nil && whole.full // of one that may have left since
		if len(records) < m.lane.portion.records && !full && !ids[m.waiting[0].ID] {
			require.Greater(m.t, size+l.size(m.waiting[0]), l.bytes, "another one would fit in")
		}
	}
	m.payload(records, size, whole)
	for _, r := range records {
		if !fails {
			m.sealed[r]++
			continue
		}
		r.extra().dueAt = m.now.add(delay)
		m.lane.delay(r)
		m.delayed = append(m.delayed, r)
	}
}

// payload looks whether the payload is that of records, which have their entries still.
func (m *laneModel) payload(records []*Record, size int, whole *sheet) {
	if len(records) == 0 {
		return
	}
	b := Batch{Records: records, Bytes: size, envelope: &m.lane.limits.envelope, sheet: whole}
	if whole == nil {
		b.sheet = sheetOf(records)
	} else {
		m.whole++
	}
	var entries [][]byte
	for _, r := range records {
		entries = append(entries, m.entries[r])
		r.sheet = nil // as flying does
	}
	e := b.envelope
	if b.sheet != nil {
		m.sheets++
	}
	require.Equal(m.t, e.Opening+string(bytes.Join(entries, []byte(e.Separator)))+e.Closing, string(b.Payload()))
	for i, r := range records {
		require.Equal(m.t, string(entries[i]), string(r.Entry))
	}
}

func (m *laneModel) comeBack() {
	m.lane.comeBack(m.now)
	var later []*Record
	for _, r := range m.delayed {
		if r.more.dueAt > m.now {
			later = append(later, r)
		} else {
			m.waiting = append(m.waiting, r)
		}
	}
	m.delayed = later
	slices.SortFunc(m.waiting, bySeq)
}

// check compares the lane's books with the model's.
func (m *laneModel) check() {
	bytes, callers := 0, 0
	for _, r := range m.waiting {
		bytes += m.lane.limits.size(r)
		if r.CallerID {
			callers++
		}
	}
	require.Equal(m.t, len(m.waiting), m.lane.live)
	require.Equal(m.t, bytes, m.lane.bytes)
	require.Equal(m.t, callers, m.lane.callerIDs)
	require.Equal(m.t, len(m.delayed), len(m.lane.returning)-m.lane.absent)
	require.Equal(m.t, len(m.waiting)+len(m.delayed) == 0, m.lane.empty())
}

// drain seals all that is left, and checks that each record went exactly one way.
func (m *laneModel) drain() {
	m.now = m.now.add(time.Hour)
	m.comeBack()
	for len(m.waiting) > 0 {
		m.seal(false, 0)
		m.check()
	}
	require.Len(m.t, m.sealed, m.accepted-len(m.left))
	for r, n := range m.sealed {
		require.Equal(m.t, 1, n)
		require.False(m.t, m.left[r])
	}
	require.Equal(m.t, 0, m.lane.queue.len())
}

// run does what program says, three bytes a step.
func (m *laneModel) run(program []byte) {
	for ; len(program) >= 3; program = program[3:] {
		a, b := int(program[1]), int(program[2])
		switch program[0] % 8 {
		case 0, 1, 2:
			m.add(a, "")
		case 3:
			m.add(a, fmt.Sprint("caller's ", b%5))
		case 4:
			m.leave(a)
		case 5:
			m.seal(false, 0)
		case 6:
			m.seal(true, time.Duration(b)*time.Millisecond)
		case 7:
			if b%16 == 0 {
				m.lane.portion.records = 1 + a%m.lane.limits.records
			}
			if b%16 == 1 {
				m.addHeld(a)
			}
			m.now = m.now.add(time.Duration(a) * time.Millisecond)
			m.comeBack()
			m.lane.readiness(m.now)
		}
		m.check()
	}
	m.drain()
}

func FuzzSeal(f *testing.F) {
	f.Add(3, 100, []byte("\x00\x10\x00\x00\x20\x00\x00\x30\x00\x05\x00\x00"))
	f.Add(2, 60, []byte("\x03\x01\x01\x03\x02\x01\x03\x03\x01\x06\x00\x05\x04\x01\x00\x07\x09\x00\x05\x00\x00"))
	f.Add(1, 20, []byte("\x00\x01\x00\x04\x00\x00\x00\x01\x00\x05\x00\x00\x06\x00\x01"))
	f.Fuzz(func(t *testing.T, records, bytes int, program []byte) {
		if records < 1 || records > 50 || bytes < 16 || bytes > 2000 {
			return
		}
		newLaneModel(t, limits{records: records, bytes: bytes, envelope: envelope, linger: time.Second}).run(program)
	})
}

func TestLane(t *testing.T) {
	t.Parallel()
	sheets, whole := 0, 0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		program := make([]byte, 300)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		m := newLaneModel(t, limits{records: 1 + random.IntN(10), bytes: 100 + random.IntN(1000), envelope: envelope, linger: time.Second})
		m.run(program)
		sheets, whole = sheets+m.sheets, whole+m.whole
	}
	assert.Greater(t, sheets, 500, "some batches have their payload as they were gathered")
	assert.Greater(t, whole, 500, "and of some no record was looked at")
}

// A lane full of one ID stays cheap: sealing does not look at all of it.
func TestLaneOfOneID(t *testing.T) {
	t.Parallel()
	m := newLaneModel(t, limits{records: 10, bytes: 1000, envelope: envelope, linger: time.Second})
	for range 1000 {
		m.add(1, "the same")
	}
	before := m.lane.queue.len()
	m.seal(false, 0)
	assert.Equal(t, before-1, m.lane.queue.len())
	assert.Len(t, m.sealed, 1)
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	const linger = 5
	record := func(seq uint64, arrived instant, pressAt instant) *Record {
		r := &Record{seq: seq, arrived: arrived, Entry: []byte("12345")}
		if pressAt != 0 {
			r.hurried = true
			r.extra().pressAt = pressAt
		}
		return r
	}
	l := newLane("", limits{records: 3, bytes: 100, envelope: envelope, linger: linger})
	expect := func(now instant, reason Reason, again instant) {
		t.Helper()
		gotReason, gotAgain := l.readiness(now)
		assert.Equal(t, reason, gotReason)
		assert.Equal(t, again, gotAgain)
	}
	expect(1, NotReady, 0)
	l.add(record(1, 1, 0))
	expect(1, NotReady, 6)
	expect(6, Linger, 0)
	l.add(record(2, 1, 4))
	expect(1, NotReady, 4)
	expect(5, Deadline, 0)
	l.flushSeq = 1
	expect(1, Flush, 0)
	l.add(record(3, 5, 0))
	expect(1, Full, 0)

	late := record(4, 2, 0)
	late.extra().dueAt = 8
	l.delay(late)
	records, _, _ := l.seal(7)
	assert.Len(t, records, 3)
	expect(7, NotReady, 8)
	expect(8, Linger, 0)
}

func TestQueue(t *testing.T) {
	t.Parallel()
	names := func(q *queue) string {
		var all []string
		for _, r := range q.all() {
			all = append(all, r.ID)
		}
		return strings.Join(all, "")
	}
	rs := func(ids string) []*Record {
		var all []*Record
		for _, id := range ids {
			all = append(all, &Record{ID: string(id)})
		}
		return all
	}
	var q queue
	q.pushFront(nil)
	for _, r := range rs("abcde") {
		q.push(r)
	}
	q.drop(2)
	q.pushFront(rs("xy"))
	assert.Equal(t, "xycde", names(&q))
	q.pushFront(rs("123"))
	assert.Equal(t, "123xycde", names(&q))
	q.keep(func(r *Record) bool { return r.ID > "9" })
	assert.Equal(t, "xycde", names(&q))
	q.drop(5)
	assert.Equal(t, 0, q.len())
	for range 1000 { // steady use does not grow it
		for _, r := range rs("abc") {
			q.push(r)
		}
		q.drop(2)
		q.drop(1)
	}
	assert.LessOrEqual(t, cap(q.records), 32)
}

// Whatever returns when, a lane's records stand in the order in which they came.
func TestComeBack(t *testing.T) {
	t.Parallel()
	l := newLane("", limits{records: 10, bytes: 1000, envelope: envelope, linger: time.Hour})
	returning := func(seq uint64, dueAt instant) {
		r := &Record{seq: seq, arrived: 1}
		r.extra().dueAt = dueAt
		l.delay(r)
	}
	returning(3, 2)
	returning(7, 3)
	returning(5, 3)
	l.add(&Record{seq: 9, arrived: 1})
	l.flushSeq = 3
	for now, want := range [][]uint64{{9}, {3, 9}, {3, 5, 7, 9}} {
		reason, _ := l.readiness(instant(now + 1))
		var got []uint64
		for _, r := range l.queue.all() {
			got = append(got, r.seq)
		}
		assert.Equal(t, want, got)
		assert.Equal(t, now > 0, reason == Flush, "the third was to be flushed")
	}
}

// What is left when a whole sheet was sealed waits for its own linger.
func TestReadinessAfterSheet(t *testing.T) {
	t.Parallel()
	l := newLane("", limits{records: 2, bytes: 1000, envelope: envelope, linger: 10})
	for i := range 3 {
		l.add(&Record{seq: uint64(i) + 1, arrived: instant(i) + 1, Entry: []byte("x"), Lent: true})
	}
	reason, _ := l.readiness(1)
	assert.Equal(t, Full, reason)
	l.pressing() // as readiness asks when the lane is not full
	records, _, whole := l.sealSheet()
	require.Len(t, records, 2)
	require.NotNil(t, whole)
	reason, again := l.readiness(12)
	assert.Equal(t, NotReady, reason)
	assert.Equal(t, instant(13), again)
}
