// Package leak fails a package's tests when a goroutine of the project outlives
// them.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Main is what a TestMain calls: it runs the tests, and exits.
func Main(m *testing.M) {
	code := m.Run()
	left := goroutines()
	for end := time.Now().Add(5 * time.Second); left != "" && time.Now().Before(end); left = goroutines() {
		time.Sleep(10 * time.Millisecond)
	}
	if left != "" && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines are left:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// goroutines are the stacks of all goroutines but this one that run, or were
// started by, code of the project.
func goroutines() string {
	buf := make([]byte, 1<<20)
	var left strings.Builder
	for i, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if i > 0 && strings.Contains(stack, "lambdabatch/") {
			left.WriteString(stack + "\n\n")
		}
	}
	return left.String()
}
