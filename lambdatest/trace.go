package lambdatest

import (
	"context"
	"io"
	"net"
	"net/http/httptrace"
	"time"
)

// hooks calls those hooks of a client's trace that it has.
type hooks struct{ *httptrace.ClientTrace }

func traceOf(ctx context.Context) hooks {
	if t := httptrace.ContextClientTrace(ctx); t != nil {
		return hooks{t}
	}
	return hooks{&httptrace.ClientTrace{}}
}

func (h hooks) getConn(host string) {
	if h.GetConn != nil {
		h.GetConn(host)
	}
}

func (h hooks) sent(reused bool) {
	if h.GotConn != nil {
		h.GotConn(httptrace.GotConnInfo{Conn: memoryConn{}, Reused: reused})
	}
	if h.WroteHeaders != nil {
		h.WroteHeaders()
	}
	if h.WroteRequest != nil {
		h.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

func (h hooks) answered() {
	if h.GotFirstResponseByte != nil {
		h.GotFirstResponseByte()
	}
}

// memoryConn stands for the connection there is not. Only its addresses are of use.
type memoryConn struct{}

func (memoryConn) Read([]byte) (int, error)         { return 0, io.EOF }
func (memoryConn) Write([]byte) (int, error)        { return 0, io.ErrClosedPipe }
func (memoryConn) Close() error                     { return nil }
func (memoryConn) LocalAddr() net.Addr              { return localAddr }
func (memoryConn) RemoteAddr() net.Addr             { return remoteAddr }
func (memoryConn) SetDeadline(time.Time) error      { return nil }
func (memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (memoryConn) SetWriteDeadline(time.Time) error { return nil }
