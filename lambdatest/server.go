package lambdatest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// ServeHTTP answers one request of the Lambda API, for those who bring a server of their own; [Service.Listen] brings one. A
// connection that a fault resets must support http.Hijacker for the client to see a reset, or else it is closed by a panic
// with http.ErrAbortHandler, which net/http's server understands.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	replies := s.submit(&call{
		method: r.Method, url: r.URL, header: r.Header.Clone(), body: body,
		accept: func() bool { return true },
	})
	var rep *reply
	select {
	case rep = <-replies:
	case <-r.Context().Done():
		return
	}
	switch rep.cut {
	case cutSilent:
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
			reset(w)
		}
	case cutRefused, cutReset:
		reset(w)
	default:
		rep.write(w)
	}
}

func (r *reply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	if r.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if r.cut != cutTruncated {
		_, _ = w.Write(r.body) // who does not read it has gone
		return
	}
	_, _ = w.Write(r.body[:len(r.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // so that closing resets
	}
	_ = conn.Close()
}

// A Server is a [Service] that listens on a loopback port. All methods are safe for concurrent use.
type Server struct {
	// URL is where it listens, as http://127.0.0.1:12345: the SDK's BaseEndpoint, or AWS_ENDPOINT_URL_LAMBDA for another process.
	URL string

	service *Service
	http    *http.Server
	client  *http.Client

	mu      sync.Mutex // protects following
	closed  bool
	serving sync.WaitGroup
}

// Listen starts a server on addr, host and port. An empty addr is 127.0.0.1:0, which takes any free port. Anyone who can
// reach the port can use the service, so it refuses to listen on anything but a loopback address.
func (s *Service) Listen(addr string) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if err := checkLoopback(addr); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	server := &Server{
		URL:     "http://" + l.Addr().String(),
		service: s,
		client:  &http.Client{Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256}},
	}
	server.http = &http.Server{Handler: server, ReadHeaderTimeout: time.Minute}
	serve := func() { _ = server.http.Serve(l) } // until Close
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = l.Close()
		return nil, fmt.Errorf("lambdatest: Listen(%q): %w", addr, net.ErrClosed)
	}
	s.servers[server] = struct{}{}
	server.serving.Go(serve)
	return server, nil
}

func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("lambdatest: Listen(%q): %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return fmt.Errorf("lambdatest: Listen(%q): not a loopback address", addr)
	}
	return nil
}

// ServeHTTP is [Service.ServeHTTP].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	s.service.ServeHTTP(w, r)
}

// Client returns a client of the server, over its port: no credentials, Region us-east-1. It is the SDK's own, with the SDK's own
// retries unless optFns change that. Safe for concurrent use.
func (s *Server) Client(optFns ...func(*lambda.Options)) *lambda.Client {
	return lambda.New(lambda.Options{
		Region:       region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  aws.AnonymousCredentials{},
		HTTPClient:   s.client,
	}, optFns...)
}

// Close stops listening, ends all connections and waits until none is served any more. Functions run on, and so does the
// [Service]. Calling Close again does no harm.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()

	_ = s.http.Close()
	s.client.CloseIdleConnections()
	s.serving.Wait()

	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	delete(s.service.servers, s)
}
