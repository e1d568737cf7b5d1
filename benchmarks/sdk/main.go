// Command sdk measures what a record costs on its whole way: the SDK's own client, TLS
// and HTTP/2 over loopback, to a server in a process of its own. One record per Invoke,
// a batcher as people write it by hand, and lambdabatch. Run it with -h for its flags;
// README.md tells of the method.
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
	if serving() {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "sdk: the server: %v\n", err)
			os.Exit(exitFailed)
		}
		return
	}
	p, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitOK)
	case err != nil:
		fmt.Fprintf(os.Stderr, "sdk: %v; -h tells of the flags\n", err)
		os.Exit(exitUsage)
	}
	if err := p.run(os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "sdk: %v\n", err)
		os.Exit(exitFailed)
	}
}
