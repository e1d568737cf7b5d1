// Command limiter measures how lambdabatch's limiter keeps to a quota that nobody
// has told it, next to other ways to do so, in scenarios in which the quota
// moves. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"testing" //nolint:depguard // see bubble.Main

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a run broke down
	exitUsage  = 2 // nothing was run: wrong flags
)

func main() {
	p, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintf(os.Stderr, "limiter: %v; -h tells of the flags\n", err)
		os.Exit(exitUsage)
	}
	debug.SetGCPercent(800) // the runs make much garbage and keep little
	bubble.Main("limiter", func(t *testing.T) int {
		if err := p.run(t, os.Stdout, progress()); err != nil {
			fmt.Fprintf(os.Stderr, "limiter: %v\n", err)
			return exitFailed
		}
		return exitOK
	})
}

// progress is where to say how far things are: a terminal, or nil.
func progress() io.Writer {
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		return os.Stderr
	}
	return nil
}
