package main

import (
	"strings"

	"github.com/google/pprof/profile"
)

// owner is whom time on a CPU is counted to.
type owner string

// The owners.
const (
	library  owner = "lambdabatch"
	byHand   owner = "hand-written" // the batcher of that name
	values   owner = "encoding/json"
	awsSDK   owner = "SDK"
	network  owner = "net/http, TLS"
	program  owner = "this program"
	runtimes owner = "runtime" // on nobody's account: collector, scheduler
	helper   owner = ""
)

var owners = []owner{library, byHand, values, awsSDK, network, program, runtimes}

// packages are whose they are, the first that fits. What is none of these is a helper, as
// are runtime, sync, bytes, strings, time and context: its time belongs to who has
// called it.
var packages = []struct {
	prefix string
	owner  owner
}{
	{"github.com/lambdabatch/lambdabatch/benchmarks/internal/handwritten", byHand},
	{"github.com/lambdabatch/lambdabatch/benchmarks", program},
	{"main", program},
	{"github.com/lambdabatch/lambdabatch", library},
	{"github.com/aws", awsSDK},
	{"encoding/json", values},
	{"net/url", helper},
	{"net/textproto", helper},
	{"net", network},
	{"crypto/tls", network}, // the rest of crypto is a helper: TLS encrypts by it, and the SDK signs
	{"crypto/x509", network},
	{"bufio", network},
	{"mime", network},
	{"compress", network},
	{"vendor/golang.org/x", network},
}

// shares is the time on a CPU, in samples of a profile.
type shares map[owner]int64

// add adds what a CPU profile says. A sample belongs to the owner of its innermost frame
// that is no helper's, whoever has called that in turn.
func (s *shares) add(p *profile.Profile) {
	if *s == nil {
		*s = make(shares)
	}
	for _, sample := range p.Sample {
		(*s)[ownerOf(sample)] += sample.Value[0]
	}
}

func ownerOf(sample *profile.Sample) owner {
	for _, location := range sample.Location { // innermost first
		for _, line := range location.Line { // what is inlined first
			if line.Function == nil {
				continue
			}
			if o := ownerOfPackage(packageOf(line.Function.Name)); o != helper {
				return o
			}
		}
	}
	return runtimes
}

func ownerOfPackage(path string) owner {
	for _, p := range packages {
		if path == p.prefix || strings.HasPrefix(path, p.prefix+"/") {
			return p.owner
		}
	}
	return helper
}

// packageOf is the package of a function as a profile names it: what is before the first
// point after the last slash. Type arguments have slashes and points of their own.
func packageOf(function string) string {
	function, _, _ = strings.Cut(function, "[")
	slash := strings.LastIndex(function, "/") + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash] + name
}

// of is an owner's part of all.
func (s shares) of(o owner) float64 {
	var all int64
	for _, n := range s {
		all += n
	}
	if all == 0 {
		return 0
	}
	return float64(s[o]) / float64(all)
}
