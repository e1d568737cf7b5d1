// Package bubble lets a program run in bubbles of testing/synctest.
package bubble

import (
	"flag"
	"fmt"
	"os"
	"testing"          //nolint:depguard // the clock of a bubble is the point of this program, and synctest.Test wants a *testing.T
	"testing/synctest" //nolint:depguard // as testing
)

// Main calls f with a *testing.T, and ends the process with the exit code that
// f returns. A program has no other way into a bubble: synctest.Test takes a
// *testing.T, and only package testing makes one. testing.Main is there "for
// other systems that simulate go test".
func Main(name string, f func(*testing.T) int) {
	testing.Init()
	if err := flag.CommandLine.Parse(nil); err != nil { // testing's own flags keep their defaults
		panic(err)
	}
	test := testing.InternalTest{Name: name, F: func(t *testing.T) { os.Exit(f(t)) }}
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{test}, nil, nil)
}

// Run calls f where time passes only while all wait. It may be called
// concurrently: bubbles know nothing of each other. Its error is that of f; a
// bubble in which all wait for ever is one, too.
func Run(t *testing.T, name string, f func() error) error {
	err := fmt.Errorf("%s: the bubble ended before its time", name)
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(*testing.T) { err = f() })
	})
	return err
}
