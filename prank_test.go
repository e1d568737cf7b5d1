package lambdabatch_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// prank is what code that is given to a Batcher does besides its work. The nil prank
// does nothing.
type prank struct {
	how         mischief
	first, then int64         // the calls in which it does it: the first one, and each so many later
	delay       time.Duration // of all calls

	calls atomic.Int64
}

// mischief is how code can fail.
type mischief string

const (
	prankPanic mischief = "panics"
	prankLie   mischief = "panics with an error that is another's"
	prankExit  mischief = "exits" // by runtime.Goexit
	prankFail  mischief = "fails" // in the way that is open to it
)

// errLie is an error of another Batcher, perhaps: what it says of certainty is not
// about the record that it is found in.
var errLie error = &lambdabatch.InvokeError{Function: "another", Certainty: lambdabatch.NotExecuted, Err: errors.New("not sent")}

// play reports whether the code is to fail.
func (p *prank) play() bool {
	if p == nil {
		return false
	}
	if p.delay > 0 {
		time.Sleep(p.delay)
	}
	since := p.calls.Add(1) - p.first
	if since < 0 || since%p.then != 0 {
		return false
	}
	switch p.how {
	case prankPanic:
		panic("a prank")
	case prankLie:
		panic(errLie)
	case prankExit:
		runtime.Goexit()
	case prankFail:
	}
	return p.how == prankFail
}

// spot is where code of the user's is called.
type spot string

const (
	inSealed   spot = "Sealed"
	inInvoking spot = "Invoking"
	inInvoked  spot = "Invoked"
	inRetried  spot = "Retried"
	inResolved spot = "Resolved"
	inBackoff  spot = "BackOff"
	inLetter   spot = "dead letter"
	inAcquire  spot = "Acquire"
	inRelease  spot = "release"
	beforeCall spot = "before Invoke"
	afterCall  spot = "after Invoke"
	inAppend   spot = "AppendRecord"
	inRead     spot = "ReadResponse"
)

var spots = []spot{
	inSealed, inInvoking, inInvoked, inRetried, inResolved, inBackoff, inLetter, inAcquire, inRelease, beforeCall, afterCall, inAppend, inRead,
}

// drawPranks draws pranks for some spots.
func drawPranks(d dice) map[spot]*prank {
	all := map[spot]*prank{}
	for _, at := range spots {
		if !d.oneIn(4) {
			continue
		}
		p := &prank{how: oneOf(d, prankPanic, prankPanic, prankLie, prankFail, prankFail), first: int64(d.from(1, 20)), then: int64(oneOf(d, 3, 20, 1000))}
		if d.oneIn(8) && at != inAppend { // there it would end who submits
			p.how = prankExit
		}
		if d.oneIn(3) && at != inAppend { // a Format does not block
			p.delay = d.span(oneOf(d, 50*time.Millisecond, time.Second))
		}
		if d.oneIn(4) { // no more than slow
			p.then, p.first = 1, 1<<40
		}
		all[at] = p
	}
	return all
}
