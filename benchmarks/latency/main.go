// Command latency measures how much longer Do takes than the function: by linger and
// load, and while a quota is short, next to a batcher that seals before it asks. Time is
// simulated. Run it with -h for its flags; README.md tells of the method.
package main

import (
	"os"
	"testing" //nolint:depguard // see bubble.Main

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

func main() {
	p := command.Parse("latency", parse)
	bubble.Main("latency", func(t *testing.T) int {
		return command.Code("latency", p.run(t, os.Stdout, os.Stderr))
	})
}
