// Command limiter measures how lambdabatch's limiter keeps to a quota that nobody
// has told it, next to other ways to do so, in scenarios in which the quota
// moves. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"io"
	"os"
	"runtime/debug"
	"testing" //nolint:depguard // see bubble.Main

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

func main() {
	p := command.Parse("limiter", parse)
	debug.SetGCPercent(800) // the runs make much garbage and keep little
	bubble.Main("limiter", func(t *testing.T) int {
		return command.Code("limiter", p.run(t, os.Stdout, progress()))
	})
}

// progress is where to say how far things are: a terminal, or nil.
func progress() io.Writer {
	if st, err := os.Stderr.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		return os.Stderr
	}
	return nil
}
