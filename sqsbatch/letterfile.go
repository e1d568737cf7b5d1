package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/lambdabatch/lambdabatch"
)

// DeadLetterFile is the letters in a file that a [lambdabatch.DeadLetterFile] has written, which must be closed, and not be the one that the Redrive's own Batcher writes to. When [Redrive] ends, the file is replaced by one with the letters
// that are left; lines that are no letters go.
func DeadLetterFile(path string) Letters { return &letterFile{path: path} }

type letterFile struct {
	path string

	mu      sync.Mutex // protects following
	letters []lambdabatch.DeadLetter
	removed map[int]bool
}

func (f *letterFile) validate() error {
	if f.path == "" {
		return fmt.Errorf("sqsbatch: DeadLetterFile(%q): must be the path of a file", f.path)
	}
	return nil
}

func (f *letterFile) holds(Letter) bool { return true }

func (f *letterFile) read(context.Context) ([]Letter, error) {
	all, _, err := lambdabatch.ReadDeadLetters(f.path)
	if err != nil {
		return nil, err
	}
	f.letters, f.removed = all, make(map[int]bool)
	letters := make([]Letter, len(all))
	for i, l := range all {
		letters[i] = Letter{Message: Message{ID: l.ID, Body: string(l.Payload)}, Ended: l.Ended, key: strconv.Itoa(i), data: true}
		if l.Err != nil {
			letters[i].Error = l.Err.Error()
		}
	}
	return letters, nil
}

func (f *letterFile) remove(_ context.Context, l Letter) error {
	i, err := strconv.Atoi(l.key)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed[i] = true
	return nil
}

// close writes what is left to a new file beside the old one, and puts it in its place when it is on disk.
func (f *letterFile) close(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.removed) == 0 {
		return nil
	}
	beside := f.path + ".left"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("sqsbatch: DeadLetterFile(%q): %w", f.path, err)
	}
	left, err := lambdabatch.FileDeadLetters(beside)
	if err != nil {
		return err
	}
	for i, l := range f.letters {
		if !f.removed[i] {
			err = errors.Join(err, left.Add(ctx, l))
		}
	}
	if err := errors.Join(err, left.Close()); err != nil {
		return err
	}
	if err := os.Rename(beside, f.path); err != nil {
		return fmt.Errorf("sqsbatch: DeadLetterFile(%q): %w", f.path, err)
	}
	return nil
}
