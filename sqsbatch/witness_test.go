package sqsbatch_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// witness stands between the workers and SQS, and is the database that they write their results to. So it sees each deletion, and whether the
// result was there before.
type witness struct {
	t   *testing.T
	sqs string // its URL

	mu         sync.Mutex        // protects following
	handles    map[string]string // message IDs by receipt handle
	deliveries map[string]int    // by message ID
	deleted    map[string]bool
	bodies     map[string]string // by message ID
	results    map[string][]string
	written    int
	progress   map[int]chan struct{} // closed when so many results were written
}

func newWitness(t *testing.T, url string) *witness {
	t.Helper()
	return &witness{
		t: t, sqs: url,
		handles: map[string]string{}, deliveries: map[string]int{}, deleted: map[string]bool{}, bodies: map[string]string{}, results: map[string][]string{},
		progress: map[int]chan struct{}{},
	}
}

// after returns what is closed when n results were written.
func (w *witness) after(n int) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := make(chan struct{})
	if w.written >= n {
		close(reached)
	} else {
		w.progress[n] = reached
	}
	return reached
}

func (w *witness) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.URL.Path == "/result" {
		w.write(r.URL.Query().Get("id"), string(body))
		return
	}
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if operation == "DeleteMessageBatch" {
		w.deleting(body)
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, w.sqs+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Header = r.Header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(http.ErrAbortHandler) // the worker has gone
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if operation == "ReceiveMessage" {
		w.received(answer)
	}
	to.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	to.WriteHeader(response.StatusCode)
	_, _ = to.Write(answer)
}

func (w *witness) write(id, result string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[id] = append(w.results[id], result)
	w.written++
	if reached := w.progress[w.written]; reached != nil {
		close(reached)
	}
}

func (w *witness) received(answer []byte) {
	var out struct {
		Messages []struct{ MessageID, ReceiptHandle, Body string } //nolint:tagliatelle // encoding/json finds MessageId
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range out.Messages {
		w.handles[m.ReceiptHandle] = m.MessageID
		w.bodies[m.MessageID] = m.Body
		w.deliveries[m.MessageID]++
	}
}

func (w *witness) deleting(request []byte) {
	var in struct {
		Entries []struct{ ReceiptHandle string }
	}
	if err := json.Unmarshal(request, &in); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range in.Entries {
		id, ok := w.handles[e.ReceiptHandle]
		if !ok {
			continue // the check of permissions
		}
		if len(w.results[id]) == 0 {
			w.t.Errorf("message %s is deleted before its result was written", id)
		}
		w.deleted[id] = true
	}
}
