package fault

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
)

// TestNetwork meets most of these on the wire. The texts are net/http's, and may change with it.
func TestUnprocessed(t *testing.T) {
	t.Parallel()
	const define = " after Request.Body was written; define Request.GetBody to avoid this error"
	for text, want := range map[string]bool{
		"http2: Transport received Server's graceful shutdown GOAWAY":                                                 true,
		"http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY]" + define:   true,
		"stream error: stream ID 3; REFUSED_STREAM; received from peer":                                               true,
		"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer]" + define: true,
		"http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM":                                      true,
		"http2: client conn not usable":               true,
		"http2: client conn could not be established": true,
		"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; received from peer]" + define: false,
		"stream error: stream ID 3; CANCEL; received from peer":                                                       false,
		"http2: client conn is closed":                               false,
		"http2: client connection lost":                              false,
		"http2: client connection force closed via ClientConn.Close": false,
		"http2: timeout awaiting response headers":                   false,
		`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug="REFUSED_STREAM"`: false,
		"my proxy says: stream error: stream ID 3; REFUSED_STREAM; received from peer":                                  false,
		"unexpected EOF": false,
	} {
		assert.Equal(t, want, unprocessed(errors.New(text)), text)
		wrapped := &smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://lambda.test", Err: errors.New(text)}}
		assert.Equal(t, want, unprocessed(fmt.Errorf("invoke: %w", wrapped)), text)
		assert.Equal(t, want && strings.Contains(text, "GetBody"), Replayable(wrapped), text)
	}
	assert.False(t, unprocessed(nil))
	assert.False(t, Replayable(nil))
}
