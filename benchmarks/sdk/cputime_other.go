//go:build !unix

package main

import "time"

// cpuTime would need another way here: all that is told of CPU is 0.
func cpuTime() time.Duration { return 0 }
