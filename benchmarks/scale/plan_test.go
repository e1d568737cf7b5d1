package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// runPlan runs the command with these flags. It is not for parallel tests: what others
// hold would be counted.
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
	out := runPlan(t, "-json", "-repeat", "1000", "-rounds", "2", "-most", "10000", "-tenants", "100", "-batchers", "10", "-buffers", "500,1000", "-futures", "1000")
	var r results
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Stream) != 4 || len(r.Buffer) != 4 || len(r.Futures) != 2 || r.Rounds != 2 {
		t.Fatalf("%+v", r)
	}
	for i, n := range []int{1000, 10_000, 10_000, 10_000} {
		s := r.Stream[i]
		if s.Records != n || s.NS.Median <= 0 || s.Allocs.Median <= 0 || s.Bytes.Median <= orders.Size || s.PerInvocation.Median < 1 || s.PerInvocation.High > batch {
			t.Errorf("%+v", s)
		}
	}
	if r.Stream[2].Tenants != 100 || r.Stream[3].Batchers != 10 {
		t.Errorf("%+v", r.Stream)
	}
	for _, b := range r.Buffer {
		if b.PerRecord.Median < orders.Size || b.PerRecord.Median > 20*orders.Size || b.Still.Median > b.Heap.Median/2 {
			t.Errorf("%+v", b)
		}
	}
	for _, f := range r.Futures {
		if f.Heap.Median < orders.Size || f.Stack.Median <= 0 || f.Bare.Median <= 0 || f.NS.Median <= 0 {
			t.Errorf("%+v", f)
		}
	}
}

func TestMarkdown(t *testing.T) { //nolint:paralleltest // see runPlan
	args := []string{"-repeat", "1000", "-rounds", "1", "-most", "1000", "-tables", "stream,futures", "-tenants", "20", "-batchers", "5", "-futures", "100"}
	out := runPlan(t, append(args, "-markdown")...)
	tables := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(tables) != 3 || !strings.HasPrefix(tables[2], "Median (least–most) of 1 rounds; go") {
		t.Fatal(out)
	}
	for _, table := range tables[:2] {
		lines := strings.Split(table, "\n")
		for _, line := range lines {
			if strings.Count(line, "|") != strings.Count(lines[0], "|") {
				t.Errorf("a line has other columns than the head:\n%s", table)
			}
		}
	}
	for _, want := range []string{"| 1,000 records of 20 tenants | 400 |", "| 1,000 records, 5 Batchers | 100 |"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := runPlan(t, args...); strings.Count(out, "\n") != 4+1+3 {
		t.Error(out)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	p, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.streams) != 5+2 || p.streams[0].records != 1000 || p.streams[4].records != 10_000_000 || len(p.holds) != 4+2 || len(p.crowds) != 6 {
		t.Errorf("%+v", p)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-rounds 0", "-repeat 0", "-most 999", "-tenants 0", "-batchers 0", "-tables nothing", "-buffers 0", "-futures x", "-json -markdown", "-nothing", "word",
	} {
		if _, err := parse(strings.Fields(args), nil); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if _, err := parse([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, want := range append([]string{"-rounds", "-most"}, tables...) {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, began := strings.Cut(string(readme), "<!-- scale:begin -->\n")
	if !began || !strings.Contains(after, "\n<!-- scale:end -->") {
		t.Error("no place for the tables")
	}
}
