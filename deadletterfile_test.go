package lambdabatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// disk is the file of a DeadLetterFile, with what a test makes of it.
type disk struct {
	content  bytes.Buffer
	syncs    int
	duration time.Duration                        // of an fsync
	write    func(line []byte) (n int, err error) // nil: all of it
	sync     func() error
	closes   int
}

func (d *disk) Write(line []byte) (n int, err error) {
	n = len(line)
	if d.write != nil {
		n, err = d.write(line)
	}
	d.content.Write(line[:n])
	return n, err
}

func (d *disk) Sync() error {
	d.syncs++
	time.Sleep(d.duration)
	if d.sync != nil {
		return d.sync()
	}
	return nil
}

func (d *disk) Close() error {
	d.closes++
	return nil
}

// letter is a short one.
func letter(n int) DeadLetter {
	return DeadLetter{ID: fmt.Sprint(n), Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)), Err: errors.New("given up")}
}

// deadFile is the path of a file with this content.
func deadFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// lettersIn are the IDs of the letters in a file of that content.
func lettersIn(t *testing.T, content []byte) (ids []string, skipped int) {
	t.Helper()
	letters, skipped, err := ReadDeadLetters(deadFile(t, content))
	require.NoError(t, err)
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	return ids, skipped
}

func TestDeadLetterFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	for n := range 3 { // opened again and again
		file, err := FileDeadLetters(path)
		require.NoError(t, err)
		require.NoError(t, file.Add(t.Context(), letter(n)))
		require.NoError(t, file.Close())
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	letters, skipped, err := ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	assert.Equal(t, []DeadLetter{letter(0), letter(1), letter(2)}, letters)
}

func TestDeadLetterFileHuge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := FileDeadLetters(path)
	require.NoError(t, err)
	huge := letter(0)
	huge.Payload = json.RawMessage("[\n\"" + strings.Repeat("<\xff", 3<<20) + "\"\n]")
	require.NoError(t, file.Add(t.Context(), huge))
	require.NoError(t, file.Add(t.Context(), letter(1)))
	require.NoError(t, file.Close())
	letters, skipped, err := ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	require.Len(t, letters, 2)
	assert.Equal(t, strings.ReplaceAll(string(huge.Payload), "\n", " "), string(letters[0].Payload))
	assert.Equal(t, letter(1), letters[1])
}

// The letters of a batch come at once.
func TestDeadLetterFileCommitsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{duration: 10 * time.Millisecond}
		file := newDeadLetterFile(d, false)
		for range 3 {
			before, start := d.syncs, time.Now()
			var adding sync.WaitGroup
			for n := range 100 {
				adding.Go(func() { assert.NoError(t, file.Add(t.Context(), letter(n))) })
			}
			adding.Wait()
			assert.LessOrEqual(t, d.syncs-before, 2)
			assert.LessOrEqual(t, time.Since(start), 20*time.Millisecond)
		}
		require.NoError(t, file.Close())
		ids, skipped := lettersIn(t, d.content.Bytes())
		assert.Len(t, ids, 300)
		assert.Zero(t, skipped)
	})
}

func TestDeadLetterFileAddsConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	file, err := FileDeadLetters(path)
	require.NoError(t, err)
	var adding sync.WaitGroup
	for worker := range 20 {
		adding.Go(func() {
			for n := range 10 {
				assert.NoError(t, file.Add(t.Context(), letter(worker*10+n)))
				letters, skipped, err := ReadDeadLetters(path) // a line may be half there
				assert.NoError(t, err)
				assert.LessOrEqual(t, skipped, 1)
				assert.Contains(t, letters, letter(worker*10+n), "it is in the file when Add returns")
			}
		})
	}
	adding.Wait()
	require.NoError(t, file.Close())
	letters, skipped, err := ReadDeadLetters(path)
	require.NoError(t, err)
	assert.Zero(t, skipped)
	want := make([]DeadLetter, 200)
	for n := range want {
		want[n] = letter(n)
	}
	assert.ElementsMatch(t, want, letters)
}

// A crash leaves any part of a file.
func TestDeadLetterFileTorn(t *testing.T) {
	t.Parallel()
	var content []byte
	var ends []int // of the letters, without their line breaks
	for n := range 3 {
		line, err := letter(n).MarshalJSON()
		require.NoError(t, err)
		content = append(content, line...)
		ends = append(ends, len(content))
		content = append(content, '\n')
	}
	path := filepath.Join(t.TempDir(), "dead.ndjson")
	for size := range len(content) + 1 {
		var whole []DeadLetter
		for n, end := range ends {
			if end <= size {
				whole = append(whole, letter(n))
			}
		}
		torn := 0
		if n := len(whole); n < len(ends) && size > 0 && (n == 0 || size > ends[n-1]+1) {
			torn = 1
		}
		require.NoError(t, os.WriteFile(path, content[:size], 0o600))
		letters, skipped, err := ReadDeadLetters(path)
		require.NoError(t, err)
		require.Equal(t, whole, letters, size)
		require.Equal(t, torn, skipped, size)

		file, err := FileDeadLetters(path)
		require.NoError(t, err)
		require.NoError(t, file.Add(t.Context(), letter(9)))
		require.NoError(t, file.Close())
		letters, skipped, err = ReadDeadLetters(path)
		require.NoError(t, err)
		require.Equal(t, append(whole, letter(9)), letters, size)
		require.Equal(t, torn, skipped, size)
	}
}

// Whatever part of a line a write leaves, the next letter is whole.
func TestDeadLetterFileShortWrite(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	line, err := letter(1).MarshalJSON()
	require.NoError(t, err)
	for size := range len(line) + 1 {
		d := &disk{}
		file := newDeadLetterFile(d, false)
		require.NoError(t, file.Add(t.Context(), letter(0)))
		d.write = func([]byte) (int, error) { return size, full }
		err := file.Add(t.Context(), letter(1))
		require.ErrorIs(t, err, full)
		require.EqualError(t, err, "lambdabatch: dead letter 1: disk full")
		d.write = func([]byte) (int, error) { return 0, full } // after it, too
		require.ErrorIs(t, file.Add(t.Context(), letter(2)), full)
		d.write = nil
		require.NoError(t, file.Add(t.Context(), letter(3)))
		require.NoError(t, file.Add(t.Context(), letter(4)))
		require.NoError(t, file.Close())

		ids, skipped := lettersIn(t, d.content.Bytes())
		if size == len(line) { // but for its line break
			require.Equal(t, []string{"0", "1", "3", "4"}, ids)
			require.Zero(t, skipped)
			continue
		}
		require.Equal(t, []string{"0", "3", "4"}, ids)
		require.Equal(t, min(size, 1), skipped)
	}
}

// Of a group only those fail that were not written, unless the fsync does.
func TestDeadLetterFileErrorsAreEachTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full, broken := errors.New("disk full"), errors.New("input/output error")
		d := &disk{duration: time.Second}
		d.write = func(line []byte) (int, error) {
			if bytes.Contains(line, []byte(`"id":"2"`)) {
				return 5, full
			}
			return len(line), nil
		}
		d.sync = func() error {
			switch d.syncs {
			case 5:
				d.content.Truncate(d.content.Len() - 10) // as a crash then shows
				fallthrough
			case 4:
				return broken
			}
			return nil
		}
		file := newDeadLetterFile(d, false)
		add := func(ids ...int) map[int]error { // together, while others are on their way
			first := make(chan error)
			go func() { first <- file.Add(t.Context(), letter(0)) }()
			synctest.Wait()
			got, mu, adding := make(map[int]error), sync.Mutex{}, sync.WaitGroup{}
			for _, n := range ids {
				adding.Go(func() {
					err := file.Add(t.Context(), letter(n))
					mu.Lock()
					defer mu.Unlock()
					got[n] = errors.Unwrap(err)
				})
			}
			require.NoError(t, <-first)
			adding.Wait()
			return got
		}
		assert.Equal(t, map[int]error{1: nil, 2: full, 3: nil}, add(1, 2, 3))
		assert.Equal(t, 2, d.syncs)
		assert.Equal(t, map[int]error{2: full, 4: broken}, add(2, 4))
		require.ErrorIs(t, file.Add(t.Context(), letter(5)), broken)
		assert.Equal(t, map[int]error{6: nil, 7: nil}, add(6, 7))
		assert.Equal(t, 7, d.syncs)
		require.ErrorIs(t, file.Add(t.Context(), letter(2)), full)
		assert.Equal(t, 7, d.syncs, "nothing was written")

		require.NoError(t, file.Close())
		ids, skipped := lettersIn(t, d.content.Bytes())
		assert.ElementsMatch(t, []string{"0", "1", "3", "0", "4", "0", "6", "7"}, ids)
		assert.Equal(t, 4, skipped)
	})
}

func TestDeadLetterFileContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{duration: 10 * time.Second}
		file := newDeadLetterFile(d, false)
		ended, end := context.WithCancel(t.Context())
		end()
		require.ErrorIs(t, file.Add(ended, letter(0)), context.Canceled)
		assert.Zero(t, d.syncs)

		start := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waited := make(chan error)
		go func() { waited <- file.Add(short, letter(1)) }() // is written when its time is over
		synctest.Wait()
		require.ErrorIs(t, file.Add(short, letter(2)), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, <-waited)
		assert.Equal(t, 10*time.Second, time.Since(start))

		require.NoError(t, file.Close())
		assert.Equal(t, 1, d.syncs, "for the withdrawn letter there is none")
		ids, _ := lettersIn(t, d.content.Bytes())
		assert.Equal(t, []string{"1"}, ids)
	})
}

func TestDeadLetterFileClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{duration: time.Second}
		file := newDeadLetterFile(d, false)
		added := make(chan error, 2)
		for n := range 2 { // the second waits for the first one's commit
			go func() { added <- file.Add(t.Context(), letter(n)) }()
			synctest.Wait()
		}
		start := time.Now()
		require.NoError(t, file.Close())
		assert.Equal(t, 2*time.Second, time.Since(start))
		require.NoError(t, <-added)
		require.NoError(t, <-added)

		err := file.Add(t.Context(), letter(2))
		require.ErrorIs(t, err, os.ErrClosed)
		require.NotErrorIs(t, err, ErrClosed)
		assert.Equal(t, MaybeExecuted, CertaintyOf(err))
		require.NoError(t, file.Close())
		assert.Equal(t, 1, d.closes)
		assert.Equal(t, 2, d.syncs)
	})
}

func TestDeadLetterFileRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := FileDeadLetters(filepath.Join(dir, "nowhere", "dead.ndjson"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = FileDeadLetters(dir)
	require.Error(t, err)
	_, err = FileDeadLetters(os.DevNull)
	require.ErrorContains(t, err, "not a regular file")

	_, _, err = ReadDeadLetters(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = ReadDeadLetters(dir)
	require.ErrorContains(t, err, "lambdabatch: dead letters: ")

	d := &disk{}
	bad := letter(0)
	bad.Payload = json.RawMessage(`{`)
	require.EqualError(t, newDeadLetterFile(d, false).Add(t.Context(), bad), "lambdabatch: dead letter 0: the payload is not valid JSON")
	assert.Zero(t, d.content.Len())
}

// FuzzReadDeadLetters reads any file. What it finds must be the same when it is
// written and read again.
func FuzzReadDeadLetters(f *testing.F) {
	line, err := letter(1).MarshalJSON()
	require.NoError(f, err)
	for _, seed := range [][]byte{
		nil, line, append(line, '\n'), append(append([]byte("\r\n\n"), line...), line[:20]...), bytes.Repeat(append(line, '\n'), 3),
		[]byte("null\n{}\n[\n\x00\x00\n"), []byte(`{"certainty":"executed","payload":null,"error":""}`),
		[]byte(`{"certainty":"executed","payload":"` + "\xff" + `","submitted":"2026-11-22T10:00:00.5+01:00"}`),
		[]byte(`{"Certainty":"not executed","attempts":[{"certainty":"executed","wait":"-1.5h","duration":"1ns","batchSize":-7}]}`),
		[]byte(`{"certainty":"maybe executed","ended":"9999-12-31T23:59:59-23:59"}`),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		letters, skipped, err := ReadDeadLetters(deadFile(t, content))
		require.NoError(t, err)
		require.LessOrEqual(t, len(letters)+skipped, bytes.Count(content, []byte("\n"))+1)
		for _, l := range letters {
			line, err := l.MarshalJSON()
			if err != nil {
				require.ErrorContains(t, err, "year outside of range", "UTC may have another one")
				continue
			}
			again, skipped, err := ReadDeadLetters(deadFile(t, line))
			require.NoError(t, err)
			require.Zero(t, skipped)
			require.Len(t, again, 1)
			require.True(t, l.Submitted.Equal(again[0].Submitted))
			require.True(t, l.Ended.Equal(again[0].Ended))
			l.Submitted, l.Ended = again[0].Submitted, again[0].Ended
			require.Equal(t, l, again[0])
		}
	})
}

// BenchmarkDeadLetterFile adds the letters of a batch at once, on a disk.
func BenchmarkDeadLetterFile(b *testing.B) {
	file, err := FileDeadLetters(filepath.Join(b.TempDir(), "dead.ndjson"))
	require.NoError(b, err)
	counting := &countingFile{appendable: file.file}
	file.file = counting
	b.ReportAllocs()
	letters := 0
	for b.Loop() {
		var adding sync.WaitGroup
		for n := range 20 {
			letters++
			adding.Go(func() { _ = file.Add(b.Context(), letter(n)) })
		}
		adding.Wait()
	}
	require.NoError(b, file.Close())
	b.ReportMetric(float64(letters)/float64(counting.syncs), "letters/fsync")
}

type countingFile struct {
	appendable
	syncs int
}

func (f *countingFile) Sync() error {
	f.syncs++
	return f.appendable.Sync()
}
