// Command sdk measures what a record costs on its whole way: the SDK's own client, TLS
// and HTTP/2 over loopback, to a server in a process of its own. One record per Invoke,
// a batcher as people write it by hand, and lambdabatch. Run it with -h for its flags;
// README.md tells of the method.
package main

import (
	"fmt"
	"os"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

func main() {
	if serving() {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "sdk: the server: %v\n", err)
			os.Exit(command.Failed)
		}
		return
	}
	p := command.Parse("sdk", parse)
	os.Exit(command.Code("sdk", p.run(os.Stdout, os.Stderr)))
}
