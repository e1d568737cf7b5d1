package fault

import (
	"strconv"
	"time"
)

// Class says what should be done about a failed invocation.
type Class uint8

const (
	Permanent      Class = iota // retrying cannot help
	Throttled                   // a 429, or a throttle in other words: not executed; retry when the limiter says so
	Transient                   // retry with jitter, if the Certainty allows it
	Slow                        // something is being set up: retry, but not before SlowFloor
	Once                        // one retry heals it or nothing will: an expired token, a wrong clock
	TooLarge                    // a 413: split the batch
	FunctionFailed              // the function ran and failed as a whole: split the batch
)

// SlowFloor is the least wait before a Slow fault is retried. What is being set up (a function that is Pending, a
// network interface, the mount of a file system) takes seconds to minutes, so that the first jittered delays of a
// usual backoff would burn their attempts for nothing.
const SlowFloor = 2 * time.Second

func (c Class) String() string {
	switch c {
	case Permanent:
		return "permanent"
	case Throttled:
		return "throttled"
	case Transient:
		return "transient"
	case Slow:
		return "slow"
	case Once:
		return "once"
	case TooLarge:
		return "too large"
	case FunctionFailed:
		return "function failed"
	default:
		return "class " + strconv.Itoa(int(c))
	}
}
