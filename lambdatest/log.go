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
}

func (t *tail) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, line...)
	if !strings.HasSuffix(line, "\n") {
		t.text = append(t.text, '\n')
	}
	if len(t.text) > 8*maxTail {
		t.text = append(t.text[:0], t.text[len(t.text)-maxTail:]...)
	}
}

func (t *tail) start(req *Request) {
	t.printf("START RequestId: %s Version: %s", req.RequestID, executedVersion(req.Qualifier))
}

func (t *tail) end(req *Request, d time.Duration) {
	ms := float64(d) / float64(time.Millisecond)
	billed := (d + time.Millisecond - 1) / time.Millisecond
	t.printf("END RequestId: %s", req.RequestID)
	t.printf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t",
		req.RequestID, ms, billed)
}

// base64 is the value of X-Amz-Log-Result.
func (t *tail) base64() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.text[max(0, len(t.text)-maxTail):]
	return base64.StdEncoding.EncodeToString(text)
}
