package lambdabatch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// DeadLetterFile keeps dead letters in a file, one line of JSON for each. Give
// its method Add to [WithDeadLetter], and close it after the Batcher:
//
//	file, err := lambdabatch.FileDeadLetters("/var/lib/orders/dead.ndjson")
//	…
//	defer file.Close()
//	b, err := lambdabatch.New[Order, Price](client, "price-orders", lambdabatch.WithDeadLetter(file.Add))
//	…
//	defer b.Close()
//
// [ReadDeadLetters] reads them. All methods may be called concurrently, and
// several Batchers may share one. Only one DeadLetterFile at a time may write to a
// file. It must be made by [FileDeadLetters]; at rest it holds no goroutine.
type DeadLetterFile struct {
	file    appendable
	close   func() error
	commits sync.WaitGroup
	torn    bool // the file may end amid a line; of the commit under way

	mu         sync.Mutex // protects following
	closed     bool
	committing bool
	waiting    []*addition
}

// appendable is what a DeadLetterFile needs of its file.
type appendable interface {
	io.WriteCloser
	Sync() error
}

var errNoFile = errors.New("lambdabatch: the DeadLetterFile was not made by FileDeadLetters")

// An addition is a letter on its way into the file.
type addition struct {
	line []byte        // from a line break to a line break
	done chan struct{} // closed when err is set
	err  error
}

// FileDeadLetters opens a file for appending. If there is none it makes one that
// only its owner may read and write (mode 0600). A last line that a crash has torn
// stays as it is, and the next letter begins a new one. Anything but a regular file
// is an error.
func FileDeadLetters(path string) (*DeadLetterFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("lambdabatch: dead letters: %w", err)
	}
	torn, err := prepare(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lambdabatch: dead letters: %w", err), file.Close())
	}
	return newDeadLetterFile(file, torn), nil
}

func newDeadLetterFile(file appendable, torn bool) *DeadLetterFile {
	return &DeadLetterFile{file: file, torn: torn, close: sync.OnceValue(file.Close)}
}

// prepare reports whether the file ends amid a line, and sees to it that a new
// one is still there after a crash.
func prepare(file *os.File) (torn bool, err error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, &os.PathError{Op: "append", Path: file.Name(), Err: errors.New("not a regular file")}
	case info.Size() == 0:
		return false, syncDir(filepath.Dir(file.Name()))
	}
	last := make([]byte, 1)
	_, err = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// syncDir makes the directory's entries durable, where that can be done.
func syncDir(path string) error {
	if runtime.GOOS == "windows" { // directories cannot be opened
		return nil
	}
	dir, err := os.Open(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) { // some file systems see to it themselves
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// Add appends the letter and returns when it is on disk, written and fsynced.
// Letters that are added while others are on their way there go together, with
// one fsync.
//
// An error of the write or of the fsync is given to the letters it concerns; they
// may be in the file all the same. If ctx ends before the letter's write begins it
// is not written, and the error wraps ctx.Err(); once it has begun Add waits for
// its end. After Close the error wraps [os.ErrClosed].
func (f *DeadLetterFile) Add(ctx context.Context, letter DeadLetter) error {
	if f == nil || f.file == nil {
		return errNoFile
	}
	if err := f.add(ctx, &letter); err != nil {
		return fmt.Errorf("lambdabatch: dead letter %s: %w", letter.ID, err)
	}
	return nil
}

func (f *DeadLetterFile) add(ctx context.Context, letter *DeadLetter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	line, err := letter.appendTo([]byte{'\n'})
	if err != nil {
		return err
	}
	a := &addition{line: append(line, '\n'), done: make(chan struct{})}
	if !f.enqueue(a) {
		return os.ErrClosed // not ErrClosed, which would tell CertaintyOf that the record was never sent
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		if f.withdraw(a) {
			return ctx.Err()
		}
		<-a.done
		return a.err
	}
}

func (f *DeadLetterFile) enqueue(a *addition) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.waiting = append(f.waiting, a)
	if !f.committing {
		f.committing = true
		f.commits.Go(f.commit)
	}
	return true
}

// withdraw reports false if the addition's commit has begun.
func (f *DeadLetterFile) withdraw(a *addition) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.waiting, a)
	if i < 0 {
		return false
	}
	f.waiting = slices.Delete(f.waiting, i, i+1)
	return true
}

// commit writes what waits until nothing does.
func (f *DeadLetterFile) commit() {
	for {
		f.mu.Lock()
		group := f.waiting
		f.waiting = nil
		f.committing = len(group) > 0
		f.mu.Unlock()
		if len(group) == 0 {
			return
		}
		f.write(group)
	}
}

func (f *DeadLetterFile) write(group []*addition) {
	written := make([]*addition, 0, len(group))
	for _, a := range group {
		line := a.line
		if !f.torn {
			line = line[1:]
		}
		_, a.err = f.file.Write(line)
		f.torn = a.err != nil
		if a.err == nil {
			written = append(written, a)
		}
	}
	if len(written) > 0 {
		if err := f.file.Sync(); err != nil {
			f.torn = true // nobody knows what the disk has of it
			for _, a := range written {
				a.err = err
			}
		}
	}
	for _, a := range group {
		close(a.done)
	}
}

// Close waits for the letters that are on their way and closes the file. Calling
// Close again does no harm.
func (f *DeadLetterFile) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.commits.Wait()
	if err := f.close(); err != nil {
		return fmt.Errorf("lambdabatch: dead letters: %w", err)
	}
	return nil
}

// ReadDeadLetters reads all letters of a file that a [DeadLetterFile] has written
// into memory, in the order in which they were written. Lines that are no dead
// letters, such as one that a crash has torn, are skipped and counted; empty ones
// do not count. An error is one of opening or of reading the file, and comes with
// what was read before it.
//
// Close the DeadLetterFile and rename the file before its letters are submitted
// again: what is given up once more then begins a new file, and no letter is
// submitted twice.
func ReadDeadLetters(path string) (letters []DeadLetter, skipped int, err error) {
	file, err := os.Open(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, 0, fmt.Errorf("lambdabatch: dead letters: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return letters, skipped, fmt.Errorf("lambdabatch: dead letters: %w", err)
		}
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			var letter DeadLetter
			if letter.read(line) == nil {
				letters = append(letters, letter)
			} else {
				skipped++
			}
		}
		if err != nil {
			return letters, skipped, nil
		}
	}
}
