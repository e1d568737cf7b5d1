package lambdatest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"
)

const maxTail = 4 << 10 // bytes of log that LogType Tail returns (API reference, Invoke)

// A tail is the end of one invocation's log.
type tail struct {
	mu   sync.Mutex // protects following
	text []byte
	init time.Duration // of the invocation's time, what came before the function's
	cold string        // what the report says of it
}

func (t *tail) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !strings.HasSuffix(line, "\n") {
		line += "\n"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.text); n > 0 && t.text[n-1] != '\n' { // a process has ended amid a line
		line = "\n" + line
	}
	t.append(line)
}

// write writes what a process has printed.
func (t *tail) write(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.append(string(text))
}

func (t *tail) append(text string) {
	t.text = append(t.text, text...)
	if len(t.text) > 8*maxTail {
		t.text = append(t.text[:0], t.text[len(t.text)-maxTail:]...)
	}
}

// initialized notes that the invocation began with an init phase.
func (t *tail) initialized(d time.Duration, well bool) {
	t.init = d
	if well {
		t.cold = fmt.Sprintf("Init Duration: %.2f ms\t", milliseconds(d))
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (t *tail) start(req *Request) {
	t.printf("START RequestId: %s Version: %s", req.RequestID, executedVersion(req.Qualifier))
}

func (t *tail) end(req *Request, d time.Duration) {
	d -= t.init
	billed := (d + time.Millisecond - 1) / time.Millisecond
	t.printf("END RequestId: %s", req.RequestID)
	t.printf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t%s",
		req.RequestID, milliseconds(d), billed, t.cold)
}

// base64 is the value of X-Amz-Log-Result.
func (t *tail) base64() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text[max(0, len(t.text)-maxTail):]
	return base64.StdEncoding.EncodeToString(text)
}
