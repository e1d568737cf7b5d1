package lambdabatch_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// relay stands between clients and an HTTP/2 server, TLS on both sides, and
// passes on frames, until it is told to do harm.
type relay struct {
	listener net.Listener
	server   string // its address
	config   *tls.Config
	running  sync.WaitGroup

	mu    sync.Mutex // protects following
	links []*link
}

func newRelay(t *testing.T, server string, certificates []tls.Certificate) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener, server: server, config: &tls.Config{
		Certificates: certificates, NextProtos: []string{"h2"}, InsecureSkipVerify: true,
	}}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		for _, l := range r.all() {
			l.close()
		}
		r.running.Wait()
	})
	return r
}

func (r *relay) url() string { return "https://" + r.listener.Addr().String() }

// all are the links there have been, the first one first.
func (r *relay) all() []*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links
}

// only is the link, of which there has been one.
func (r *relay) only(t *testing.T) *link {
	t.Helper()
	links := r.all()
	require.Len(t, links, 1)
	return links[0]
}

func (r *relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		ctx, hangUp := context.WithCancel(context.Background())
		l := &link{tcp: conn.(*net.TCPConn), client: tls.Server(conn, r.config), hangUp: hangUp, swallowed: map[uint32]bool{}}
		r.mu.Lock()
		r.links = append(r.links, l)
		r.mu.Unlock()
		r.running.Go(func() {
			defer l.close()
			l.run(ctx, r)
		})
	}
}

// link is one connection through a relay.
type link struct {
	tcp    *net.TCPConn // of client
	client *tls.Conn
	hangUp context.CancelFunc

	mu        sync.Mutex // protects following, and writing to client
	frozen    bool
	last      uint32          // stream that was let through
	trap      *trap           // set, or sprung by a GOAWAY
	swallowed map[uint32]bool // streams
}

// trap catches requests: the server never gets to see them.
type trap struct {
	want   int
	caught []uint32 // streams whose requests have come to their end
	sprung chan struct{}
	spring func(l *link, streams []uint32)
}

// refuse says of the streams that they were refused.
func refuse(l *link, streams []uint32) {
	for _, s := range streams {
		_, _ = l.client.Write(frame(frameResetStream, 0, s, 0, 0, 0, 7))
	}
	l.trap = nil
}

// sendAway says of the streams that they were not looked at any more, nor will
// be any later ones.
func sendAway(l *link, _ []uint32) {
	_, _ = l.client.Write(frame(frameGoAway, 0, 0, append(binary.BigEndian.AppendUint32(nil, l.last), 0, 0, 0, 0)...))
}

// set has the next n requests caught. When they are complete, spring is called;
// sprung is closed after that.
func (l *link) set(n int, spring func(l *link, streams []uint32)) (sprung <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trap = &trap{want: n, spring: spring, sprung: make(chan struct{})}
	return l.trap.sprung
}

// resetLast tells the client that the latest stream was reset, and nothing else of
// it any more.
func (l *link) resetLast(code byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.client.Write(frame(frameResetStream, 0, l.last, 0, 0, 0, code))
	l.swallowed[l.last] = true
}

// freeze makes the connection a black hole: it takes everything and says nothing
// any more.
func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
}

// lose resets the connection.
func (l *link) lose() {
	_ = l.tcp.SetLinger(0)
	l.close()
}

func (l *link) close() {
	_ = l.tcp.Close()
	l.hangUp()
}

func (l *link) run(ctx context.Context, r *relay) {
	dialer := tls.Dialer{Config: r.config}
	server, err := dialer.DialContext(ctx, "tcp", r.server)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	defer back.Wait()
	defer server.Close()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	back.Go(func() {
		defer l.close()
		l.pass(bufio.NewReader(server), l.toClient)
	})
	in := bufio.NewReader(l.client)
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(in, preface); err != nil {
		return
	}
	if _, err := server.Write(preface); err != nil {
		return
	}
	l.pass(in, func(f []byte) error {
		for _, f := range l.toServer(f) {
			if _, err := server.Write(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// pass gives each frame of in to out.
func (l *link) pass(in *bufio.Reader, out func(frame []byte) error) {
	for {
		head, err := in.Peek(frameHead)
		if err != nil {
			return
		}
		f := make([]byte, frameHead+int(head[0])<<16+int(binary.BigEndian.Uint16(head[1:])))
		if _, err := io.ReadFull(in, f); err != nil {
			return
		}
		if err := out(f); err != nil {
			return
		}
	}
}

func (l *link) toClient(f []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen || l.swallowed[stream(f)] {
		return nil
	}
	_, err := l.client.Write(f)
	return err
}

// toServer returns what is to be sent to the server for f.
func (l *link) toServer(f []byte) (frames [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, kind, isNew := stream(f), f[3], false
	switch {
	case l.frozen:
		return nil
	case l.swallowed[s]:
	case kind == frameHeaders && l.trap != nil:
		l.swallowed[s], isNew = true, true
	case kind == frameHeaders:
		l.last = s
		return [][]byte{f}
	default:
		return [][]byte{f}
	}
	if isNew {
		// The server has to read all headers, or else it could not read later ones. By
		// taking the request back at once it is kept from running the function.
		frames = [][]byte{f, frame(frameResetStream, 0, s, 0, 0, 0, 8)}
	}
	if t := l.trap; t != nil && (kind == frameHeaders || kind == frameData) && f[4]&flagEndStream != 0 {
		t.caught = append(t.caught, s)
		if len(t.caught) == t.want {
			t.spring(l, t.caught)
			close(t.sprung)
		}
	}
	return frames
}

// Of RFC 9113, sections 4.1 and 6.
const (
	frameHead = 9 // bytes

	frameData        = 0
	frameHeaders     = 1
	frameResetStream = 3
	frameGoAway      = 7

	flagEndStream = 1
)

func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	head := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

func stream(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[5:]) }
