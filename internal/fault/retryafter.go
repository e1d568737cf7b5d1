package fault

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfterCap bounds what an answer may ask for. Lambda's own functions end after 15 minutes: whatever is short now
// is free again by then, and a garbled header must not park records for a day.
const retryAfterCap = 15 * time.Minute

// retryAfter reads the Retry-After header. What it cannot read is no wait at all: the backoff still applies.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if at, err := http.ParseTime(value); err == nil {
		// Measured on the clock that wrote it, where that clock is known.
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return min(max(at.Sub(now), 0), retryAfterCap)
	}
	return seconds(value)
}

// seconds reads a number of seconds, which is the form that Lambda documents for TooManyRequestsException.
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	// On ErrRange n is the largest number there is. Compared before it is multiplied: the product could overflow.
	if n > uint64(retryAfterCap/time.Second) {
		return retryAfterCap
	}
	return time.Duration(n) * time.Second
}
