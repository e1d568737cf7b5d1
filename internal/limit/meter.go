package limit

import "time"

// meter tells how many invocations have started in the last second, about: it
// counts in seconds, and takes of the last full one the part that is not over.
type meter struct {
	second    time.Time // when the current one began
	now, last float64   // invocations in it, and in the one before
}

func (m *meter) count(now time.Time) {
	m.advance(now)
	m.now++
}

func (m *meter) perSecond(now time.Time) float64 {
	m.advance(now)
	return m.now + m.last*(1-now.Sub(m.second).Seconds())
}

func (m *meter) advance(now time.Time) {
	switch passed := now.Sub(m.second); {
	case passed < time.Second:
	case passed < 2*time.Second:
		m.second, m.last, m.now = m.second.Add(time.Second), m.now, 0
	default:
		m.second, m.last, m.now = now, 0, 0
	}
}
