package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// beforeTransport is the class of an error from before the transport. Input that does not serialize and an endpoint
// that does not resolve will be no better next time. What does pass is trouble on the way to the credentials (STS,
// SSO, instance metadata), of which the SDK's own retryer knows the signs. It takes an unknown host for final, though,
// which it is not for a name that a resolver has lost for a moment.
func beforeTransport(ctx context.Context, err error) Class {
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return Transient
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Transient // not of our ctx: a time limit of the provider's, or another caller whom it fetched for
	case errors.As(err, &dns):
		return Transient
	case retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary:
		return Transient
	default:
		return Permanent
	}
}

// neverLeft reports that the request of an unanswered call surely was not processed.
func neverLeft(err error, t *Trace) bool {
	switch {
	case t.nothingWritten(), unprocessed(err):
		return true
	case t.written():
		return false
	default:
		return neverConnected(err)
	}
}

// neverConnected reports that err by its type comes from before there was a connection to write to. It is for HTTP
// clients that do not honor httptrace, and holds only what can be nothing else: an alert of the peer's, for one, comes
// after the request when TLS 1.3 rejects a client's certificate.
func neverConnected(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &certificate)
}

// These match what net/http says of a stream that the server declared unprocessed: refused, or above the last stream of
// a GOAWAY (RFC 9113, sections 8.7 and 6.8), and of a stream that was never opened. net/http bundles its HTTP/2, so the
// text is all there is. The first are those that it would have replayed itself, had the SDK set Request.GetBody; not all
// that it would replay is safe, though: it counts a PROTOCOL_ERROR of the peer's too, which proves nothing.
//
// The whole text has to match. Parts of it may come from the server: the debug data of a GOAWAY.
var (
	replayableHTTP2 = regexp.MustCompile(
		`^http2: Transport: cannot retry err \[(?:` + goAway + `|` + refused + `)\] after Request\.Body was written; .*$`)
	unprocessedHTTP2 = regexp.MustCompile(`^(?:` +
		goAway +
		`|` + refused +
		`|http2: Transport received GOAWAY from server ErrCode:.+` +
		`|http2: client conn not usable` +
		`|http2: client conn could not be established` +
		`)$`)
)

const (
	goAway  = `http2: Transport received Server's graceful shutdown GOAWAY`
	refused = `stream error: stream ID \d+; REFUSED_STREAM; received from peer`
)

// Replayable reports that the server said that it did not process the request, and nothing against sending it again at
// once.
func Replayable(err error) bool {
	return err != nil && replayableHTTP2.MatchString(root(err).Error())
}

// unprocessed reports that the server said that it did not process the request, for whatever reason.
func unprocessed(err error) bool {
	return Replayable(err) || err != nil && unprocessedHTTP2.MatchString(root(err).Error())
}

// root is the innermost error of err.
func root(err error) error {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		err = cause
	}
	return err
}
