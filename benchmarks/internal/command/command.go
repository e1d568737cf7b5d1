// Package command is how the benchmarks' commands begin and end.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// The exit codes.
const (
	OK     = 0
	Failed = 1 // a run broke down, or lost a record
	Usage  = 2 // nothing was run: wrong flags
)

// Parse reads the program's flags by parse. If they are wrong, or only ask for help, it
// ends the program.
func Parse[P any](name string, parse func(args []string, help io.Writer) (P, error)) P {
	p, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(OK)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v; -h tells of the flags\n", name, err)
		os.Exit(Usage)
	}
	return p
}

// Code is the exit code for what came of the run, and says why if it broke down.
func Code(name string, err error) int {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return Failed
	}
	return OK
}
