package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/function"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// serverEnv is what the command tells its other self by that it is the server. Its value
// are the serverSettings.
const serverEnv = "LAMBDABATCH_BENCHMARK_SERVER"

func serving() bool { return os.Getenv(serverEnv) != "" }

// serverSettings are in JSON.
type serverSettings struct {
	Delay time.Duration // before each answer
	HTTP  int           // 1 or 2
}

// streams is how many requests an HTTP/2 connection has at a time: as Lambda's endpoint is
// said to allow (github.com/restatedev/restate/issues/4551).
const streams = 128

// hello is the first line that the server writes.
type hello struct {
	Address     string
	Certificate []byte // DER
}

// tally is what the server has done so far. It writes one for each line that it reads,
// and ends when there are no more.
type tally struct {
	Invocations, Records, Bytes int64 // of payloads that came
	Connections, HTTP2          int64 // that were made, and requests that came by HTTP/2
	CPU                         time.Duration
}

// server answers Invoke, as far as the benchmarks need it.
type server struct {
	delay                                           time.Duration
	invocations, records, bytes, connections, http2 atomic.Int64
}

// serve is the other process.
func serve(in io.Reader, out io.Writer) error {
	var settings serverSettings
	if err := json.Unmarshal([]byte(os.Getenv(serverEnv)), &settings); err != nil {
		return err
	}
	certificate, err := newCertificate()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{delay: settings.Delay}
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.connections.Add(1)
			}
		},
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: streams},
	}
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(settings.HTTP == 2)
	failed := make(chan error, 1)
	go func() { failed <- h.ServeTLS(l, "", "") }()

	answers := json.NewEncoder(out)
	if err := answers.Encode(hello{l.Addr().String(), certificate.Certificate[0]}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := answers.Encode(s.tally()); err != nil {
			return err
		}
	}
	_ = h.Close()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *server) tally() tally {
	return tally{
		s.invocations.Load(), s.records.Load(), s.bytes.Load(), s.connections.Load(), s.http2.Load(), cpuTime(),
	}
}

// ServeHTTP answers an Invoke of a function whose name says what comes, see functionName.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, size, ok := parsePath(r.URL.Path)
	if !ok || r.ContentLength < 0 {
		http.Error(w, r.URL.Path, http.StatusNotFound)
		return
	}
	payload := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, payload); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var out []byte
	n := 1
	if kind == one {
		if len(payload) != size {
			http.Error(w, "not one record", http.StatusBadRequest)
			return
		}
		out = orders.AppendResult(nil, payload)
	} else {
		var err error
		if out, n, err = function.Answer(payload, size, nil); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.invocations.Add(1)
	s.records.Add(int64(n))
	s.bytes.Add(int64(len(payload)))
	if r.ProtoMajor == 2 {
		s.http2.Add(1)
	}
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.Header().Set("X-Amzn-RequestId", "00000000-0000-4000-8000-000000000000")
	_, _ = w.Write(out) //nolint:gosec // JSON, for nobody but the benchmark; who does not read it has gone
}

// The kinds of functions: of a single record as it is, and of batches.
const (
	one   = "one"
	batch = "batch"
)

// functionName says what a function is given, and of how many bytes a record is.
func functionName(kind string, size int) string { return kind + "-" + strconv.Itoa(size) }

func parsePath(path string) (kind string, size int, ok bool) {
	name, begun := strings.CutPrefix(path, "/2015-03-31/functions/")
	name, ended := strings.CutSuffix(name, "/invocations")
	kind, digits, cut := strings.Cut(name, "-")
	size, err := strconv.Atoi(digits)
	return kind, size, begun && ended && cut && err == nil && size >= orders.Size && (kind == one || kind == batch)
}
