// Command rivals measures what a record costs in lambdabatch's Batcher, in other
// batchers for Go, in one as people write it by hand, and in the least that would
// do. Each gets records as fast as it takes them, and hands them to a function that
// does nothing. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"os"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

func main() {
	p := command.Parse("rivals", parse)
	os.Exit(command.Code("rivals", p.run(os.Stdout, os.Stderr)))
}
