// Command latency measures how much longer Do takes than the function: by linger and
// load, and while a quota is short, next to a batcher that seals before it asks. Time is
// simulated. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing" //nolint:depguard // see bubble.Main

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a run broke down, or lost a record
	exitUsage  = 2 // nothing was run: wrong flags
)

func main() {
	p, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintf(os.Stderr, "latency: %v; -h tells of the flags\n", err)
		os.Exit(exitUsage)
	}
	bubble.Main("latency", func(t *testing.T) int {
		if err := p.run(t, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintf(os.Stderr, "latency: %v\n", err)
			return exitFailed
		}
		return exitOK
	})
}
