package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/command"
)

// TestMain lets the tests' program be the server, too.
func TestMain(m *testing.M) {
	if !serving() {
		os.Exit(m.Run())
	}
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(command.Failed)
	}
}
