// Command scale measures what a record costs in time and in memory, by how many there
// are: records, tenants, Batchers, futures that are awaited. The function is in the
// process and does nothing. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
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
		fmt.Fprintf(os.Stderr, "scale: %v; -h tells of the flags\n", err)
		os.Exit(exitUsage)
	}
	if err := p.run(os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "scale: %v\n", err)
		os.Exit(exitFailed)
	}
}
