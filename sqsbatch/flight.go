package sqsbatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// margin is what is kept clear of SQS's 12 hours, which begin somewhere in the long poll of 20 s.
const margin = 30 * time.Second

// flight is a message that is held.
type flight struct {
	Message
	ctx    context.Context // ends with the grace time, and when the visibility is lost
	cancel context.CancelCauseFunc

	mu      sync.Mutex // protects following
	handle  string
	until   time.Time // it is ours at least so long
	longest time.Time // and not longer than this
	settled bool      // it is not to be extended any more
	lost    bool
	beating chan struct{} // closed when the extension under way has been answered; nil if there is none
	capped  bool          // 12 hours allow no further extension
}

func newFlight(ctx context.Context, m *types.Message, now time.Time, visibility time.Duration) *flight {
	f := &flight{Message: newMessage(m)}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	f.receive(m, now, visibility)
	return f
}

// receive makes a delivery the one that the message is held by.
func (f *flight) receive(m *types.Message, now time.Time, visibility time.Duration) {
	f.handle = *m.ReceiptHandle
	f.until, f.longest = now.Add(visibility), now.Add(maxVisibility-margin)
	f.capped = false
}

// adopt takes over another delivery of the message, unless it is too late for that.
func (f *flight) adopt(m *types.Message, now time.Time, visibility time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.settled || f.lost {
		return false
	}
	f.receive(m, now, visibility)
	return true
}

// settle ends the extensions, and waits for one that is under way. From then on the visibility only runs down.
func (f *flight) settle() {
	f.mu.Lock()
	f.settled = true
	beating := f.beating
	f.mu.Unlock()
	if beating != nil {
		<-beating
	}
}

// receipt is the handle of the last delivery.
func (f *flight) receipt() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handle
}

// ours tells whether nobody else can have received the message.
func (f *flight) ours() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.lost && time.Now().Before(f.until)
}

// lose gives the message up. It reports false if that was done before.
func (f *flight) lose() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loseLocked()
}

// expire gives the message up if its visibility has run down while it is on its way.
func (f *flight) expire(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.settled && !now.Before(f.until) && f.loseLocked()
}

func (f *flight) loseLocked() bool {
	if f.lost {
		return false
	}
	f.lost = true
	f.cancel(ErrVisibilityLost)
	return true
}

// beat begins an extension if the message needs one before the next round: by how many seconds from now.
func (f *flight) beat(now time.Time, visibility, round time.Duration) (handle string, seconds int32, due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.settled || f.lost || f.capped || f.beating != nil || f.until.Sub(now) > visibility/2+round {
		return "", 0, false
	}
	until := now.Add(visibility)
	if until.After(f.longest) {
		until, f.capped = f.longest, true
	}
	by := until.Sub(now).Truncate(time.Second)
	if by < time.Second || now.Add(by).Before(f.until) {
		return "", 0, false
	}
	f.beating = make(chan struct{})
	return f.handle, int32(by / time.Second), true //nolint:gosec // at most 12 hours
}

// beaten takes note of the answer to the extension. began is when it was asked for. It reports whether the message was lost by that.
func (f *flight) beaten(p pulse, began time.Time, answer error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.beating)
	f.beating = nil
	if f.handle != p.handle { // another delivery was adopted meanwhile
		return false
	}
	var refusal *entryError
	switch {
	case answer == nil:
		f.until = began.Add(time.Duration(p.seconds) * time.Second)
	case errors.As(answer, &refusal) && refusal.ours:
		return f.loseLocked()
	}
	return false
}
