package engine

import "time"

// portionAim is how much of what an invocation may take, of time and of bytes in
// its response, a batch is to take.
const portionAim = 0.8

// portion is how many records of a lane the function bears at a time. It begins
// with all that a batch may hold, is halved when a batch was too much, and grows
// again with what the batches after that leave over.
type portion struct {
	most    int // a batch's bound
	records int
	timeout time.Duration // the function's, as seen from here; 0 until it was met
}

func newPortion(most int) portion { return portion{most: most, records: most} }

// tooMuch takes in that n records were too much at a time. d is how long they took
// to be so, if it was the time that did not do.
func (p *portion) tooMuch(n int, d time.Duration) {
	if n > 1 { // one alone is too much at any size
		p.records = min(p.records, n/2)
	}
	if d > 0 {
		p.timeout = d
	}
}

// bears takes in that a part of what took too long, n records of it, took d.
func (p *portion) bears(n int, d time.Duration) {
	p.records = max(1, min(p.records, int(float64(n)*portionAim*p.timeout.Seconds()/d.Seconds())))
}

// answered takes in that n records were not too much: they took d, and share of
// the largest response.
func (p *portion) answered(n int, d time.Duration, share float64) {
	if p.records == p.most || n < p.records {
		return
	}
	if p.timeout > 0 {
		share = max(share, d.Seconds()/p.timeout.Seconds())
	}
	bears := 2 * p.records
	if share > portionAim/2 {
		bears = int(float64(n) * portionAim / share)
	}
	p.records = min(max(p.records, bears), p.most)
}
