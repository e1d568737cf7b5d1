package lambdatest

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// An output is the pipe into which a process prints. So that the log of an invocation has all that was printed in its time, the
// service prints a mark into the same pipe: when the mark has come through, so has all that was before it.
type output struct {
	w     *os.File // the process has it too
	r     *os.File
	mark  []byte
	flow  sync.Mutex    // of those who flush
	marks chan struct{} // one for each mark that came through
	done  chan struct{} // closed when the pipe is not read any more

	copied io.Writer // or nil

	mu  sync.Mutex // protects following
	log *tail      // of the invocation; nil in between
}

func newOutput(log *tail, copied io.Writer) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &output{
		w: w, r: r, log: log, copied: copied,
		mark:  []byte("\x00lambdatest:" + randomHex(16) + "\x00"),
		marks: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go o.read()
	return o, nil
}

// to sets where the output goes from now on.
func (o *output) to(log *tail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log = log
}

// flush returns when all that the process has printed so far is where it belongs.
func (o *output) flush() {
	o.flow.Lock()
	defer o.flow.Unlock()
	if _, err := o.w.Write(o.mark); err != nil {
		return
	}
	select {
	case <-o.marks:
	case <-o.done:
	}
}

func (o *output) close() {
	_ = o.w.Close()
	_ = o.r.Close() // a process that left its group may still have the other end
	<-o.done
}

func (o *output) read() {
	defer close(o.done)
	buf := make([]byte, 32<<10)
	kept := 0 // at the start of buf: what may be the start of a mark
	for {
		n, err := o.r.Read(buf[kept:])
		rest := o.sort(buf[:kept+n])
		kept = copy(buf, rest)
		if err != nil {
			o.write(rest)
			return
		}
	}
}

// sort writes what was printed, without the marks, and returns what it cannot tell yet.
func (o *output) sort(text []byte) []byte {
	for {
		before, after, found := bytes.Cut(text, o.mark)
		if !found {
			break
		}
		o.write(before)
		o.marks <- struct{}{}
		text = after
	}
	certain := len(text) - o.begun(text)
	o.write(text[:certain])
	return text[certain:]
}

// begun is how many bytes at the end of text a mark may begin with.
func (o *output) begun(text []byte) int {
	for n := min(len(text), len(o.mark)-1); n > 0; n-- {
		if bytes.HasSuffix(text, o.mark[:n]) {
			return n
		}
	}
	return 0
}

func (o *output) write(text []byte) {
	if len(text) == 0 {
		return
	}
	o.mu.Lock()
	log := o.log
	o.mu.Unlock()
	if log != nil {
		log.write(text)
	}
	if o.copied != nil {
		_, _ = o.copied.Write(text) // what the user's writer does with it is not the process's business
	}
}
