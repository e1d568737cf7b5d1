package main

import (
	"testing"

	"github.com/google/pprof/profile"
)

func TestPackageOf(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]string{
		"runtime.mallocgc": "runtime",
		"github.com/lambdabatch/lambdabatch.(*Batcher[go.shape.[]uint8,go.shape.struct { github.com/x/y.Z int }]).Submit": "github.com/lambdabatch/lambdabatch",
		"github.com/lambdabatch/lambdabatch/internal/engine.(*Engine).Submit":                                             "github.com/lambdabatch/lambdabatch/internal/engine",
		"github.com/aws/smithy-go/transport/http.(*Request).Build.func1":                                                  "github.com/aws/smithy-go/transport/http",
		"main.pushes[...].func1":               "main",
		"net/http.(*http2Transport).RoundTrip": "net/http",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s: %s", function, got)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	t.Parallel()
	const (
		submit = "github.com/lambdabatch/lambdabatch.(*Batcher[...]).Submit"
		invoke = "github.com/aws/aws-sdk-go-v2/service/lambda.(*Client).Invoke"
	)
	for _, test := range []struct {
		want  owner
		stack []string // innermost first
	}{
		{library, []string{"runtime.mallocgc", "bytes.growSlice", submit, "main.pushes[...].func1"}},
		{library, []string{"github.com/lambdabatch/lambdabatch/internal/replay.body.Read", "net/http.(*http2clientStream).writeRequestBody"}},
		{values, []string{"reflect.Value.Set", "encoding/json.Unmarshal", submit}},
		{awsSDK, []string{"crypto/internal/fips140/sha256.block", "crypto/sha256.Sum256", invoke, submit}},
		{awsSDK, []string{"net/url.Parse", invoke}},
		{network, []string{"crypto/internal/fips140/aes/gcm.seal", "crypto/tls.(*Conn).Write", "net/http.(*http2Transport).RoundTrip", invoke}},
		{network, []string{"internal/runtime/syscall.Syscall6", "syscall.write", "internal/poll.(*FD).Write", "net.(*netFD).Write", "net.(*conn).Write"}},
		{byHand, []string{"runtime.chansend", "github.com/lambdabatch/lambdabatch/benchmarks/internal/handwritten.(*Batcher).Submit"}},
		{program, []string{"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders.Pool", "main.main"}},
		{runtimes, []string{"runtime.scanobject", "runtime.gcBgMarkWorker"}},
	} {
		sample := &profile.Sample{Value: []int64{1}}
		for _, name := range test.stack {
			sample.Location = append(sample.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		if got := ownerOf(sample); got != test.want {
			t.Errorf("%v: %s", test.stack, got)
		}
	}
}
