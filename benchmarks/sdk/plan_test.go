package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runPlan runs the command with these flags. It is not for parallel tests: a process
// has one CPU profile at a time.
func runPlan(t *testing.T, args ...string) string {
	t.Helper()
	p, err := parse(args, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.run(&out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJSON(t *testing.T) { //nolint:paralleltest // see runPlan
	file := filepath.Join(t.TempDir(), "cpu.prof")
	out := runPlan(t, "-json", "-cpuprofile", file, "-rounds", "2", "-time", "20ms", "-flights", "1,8", "-sizes", "1024,102400", "-payloads", "100000,6291456")
	var results []result
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("%v %v", info, err)
	}
	if len(results) != 8+2+5 {
		t.Errorf("%d results", len(results))
	}
	sampled := false
	for _, r := range results {
		if r.CPU.Median <= 0 || r.CPU.Low > r.CPU.Median || r.PerSecond.Median <= 0 || r.Allocs <= 0 || r.ServerCPU.Median <= 0 || r.Rounds != 2 {
			t.Errorf("%+v", r)
		}
		single := strings.HasPrefix(r.Name, "one")
		if single != (r.PerInvocation == 1) || r.Payload < r.PerInvocation*float64(r.RecordBytes) {
			t.Errorf("%+v", r)
		}
		if r.MaxRecords > 0 && r.PerInvocation > float64(r.MaxRecords) || r.MaxBytes > 0 && r.Payload > float64(r.MaxBytes) {
			t.Errorf("a batch is too large: %+v", r)
		}
		sum := 0.0
		for _, share := range r.Shares {
			sum += share
		}
		if sum > 0 { // so short a run may have no sample
			sampled = true
		}
		if sum > 0 && math.Abs(sum-1) > 0.01 || r.Shares[library] > 0 && r.Name != "lambdabatch" {
			t.Errorf("%s: %v", r.Name, r.Shares)
		}
	}
	if !sampled {
		t.Error("the profiles are empty")
	}
}

func TestHTTP1(t *testing.T) { //nolint:paralleltest // see runPlan
	out := runPlan(t, "-markdown", "-rounds", "1", "-time", "20ms", "-tables", "rows", "-batches", "20", "-http", "1", "-delay", "1ms")
	lines := strings.Split(out, "\n")
	if len(lines) != 2*(2+4+1)+1+1 {
		t.Fatalf("%d lines in\n%s", len(lines), out)
	}
	for i, line := range lines[:13] {
		if head := lines[i/7*7]; line != "" && strings.Count(line, "|") != strings.Count(head, "|") {
			t.Errorf("a line has other columns than the head:\n%s", out)
		}
	}
	for _, want := range []string{"| hand-written, batch 20 |", "| **lambdabatch, batch 20** |", "1 rounds of 20ms", "takes 1ms; TLS, HTTP/1;"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestHTTP2: what is said to be measured is.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	server, err := start(serverSettings{HTTP: 2})
	if err != nil {
		t.Fatal(err)
	}
	c := &course{records: 1, inFlight: 4, size: 200, server: server}
	sender := startOne(c, server.client())
	if n, err := sender.timed(newPool(c.size), 20e6); err != nil || n == 0 {
		t.Errorf("%d records, %v", n, err)
	}
	got, err := server.tally()
	if err != nil || got.HTTP2 != got.Invocations || got.Records != got.Invocations || got.Connections > 4 || got.CPU <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := server.stop(); err != nil {
		t.Error(err)
	}
}

func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, began := strings.Cut(string(readme), "<!-- sdk:begin -->\n")
	if !began || !strings.Contains(after, "\n<!-- sdk:end -->") {
		t.Error("no place for the tables")
	}
	for _, o := range owners {
		if !strings.Contains(string(readme), "| "+string(o)+" |") {
			t.Errorf("it does not tell of %s", o)
		}
	}
}
