// Command scale measures what a record costs in time and in memory, by how many there
// are: records, tenants, Batchers, futures that are awaited. The function is in the
// process and does nothing. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"os"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

func main() {
	p := command.Parse("scale", parse)
	os.Exit(command.Code("scale", p.run(os.Stdout, os.Stderr)))
}
