package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runPlan runs the command with these flags.
func runPlan(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	p, err := parse(args, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	if err := p.run(&out, &progress); err != nil {
		t.Fatal(err)
	}
	return out.String(), progress.String()
}

func TestJSON(t *testing.T) {
	t.Parallel()
	plot := filepath.Join(t.TempDir(), "plot.svg")
	out, progress := runPlan(t, "-json", "-svg", plot, "-n", "2000", "-rounds", "3", "-batches", "20,100")
	var results []map[string]any
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != len(rows())*4 {
		t.Errorf("%d results", len(results))
	}
	for _, r := range results {
		for _, field := range []string{
			"name", "version", "batch", "producers", "ns_per_record", "allocs_per_record", "bytes_per_record", "does", "ns_min", "ns_max",
			"records_per_batch", "rounds",
		} {
			if _, ok := r[field]; !ok {
				t.Errorf("%v: no %s", r["name"], field)
			}
		}
		if least, median := r["ns_min"].(float64), r["ns_per_record"].(float64); least <= 0 || median < least || median > r["ns_max"].(float64) {
			t.Errorf("%v", r)
		}
	}
	if !strings.Contains(progress, "round 3 of 3") {
		t.Errorf("progress: %s", progress)
	}

	svg, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) || bytes.Contains(svg, []byte("%!")) {
		t.Errorf("not a number in %s", svg)
	}
	d := xml.NewDecoder(bytes.NewReader(svg))
	circles := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "circle" {
			circles++
		}
	}
	if circles != len(rows())*4+2 { // and the legend
		t.Errorf("%d dots", circles)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	out, _ := runPlan(t, "-markdown", "-n", "2000", "-rounds", "1", "-rows", "lambdabatch,floor", "-batches", "20,100")
	lines := strings.Split(out, "\n")
	if len(lines) != 2+6+3 {
		t.Fatalf("%d lines in\n%s", len(lines), out)
	}
	for _, line := range lines[:8] {
		if strings.Count(line, "|") != strings.Count(lines[0], "|") {
			t.Errorf("a line has other columns than the head:\n%s", out)
		}
	}
	for _, want := range []string{"20, 1 prod.", "100, 8 prod.", "allocs (20 / 100)", "| **lambdabatch** (devel) |", "1 rounds of 2,000 records"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	out, _ := runPlan(t, "-n", "1000", "-rounds", "2", "-rows", "floor: mutex and slice", "-batches", "20", "-producers", "1")
	if lines := strings.Split(out, "\n"); len(lines) != 3 || !strings.Contains(lines[1], "20.0  floor: mutex and slice go") {
		t.Errorf("%s", out)
	}
}

// TestProfile is not parallel: a process has one CPU profile at a time.
func TestProfile(t *testing.T) { //nolint:paralleltest // see above
	file := filepath.Join(t.TempDir(), "cpu.prof")
	runPlan(t, "-cpuprofile", file, "-n", "1000", "-rounds", "1", "-rows", "bundler", "-batches", "20", "-producers", "1")
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("%v %v", info, err)
	}
}

func TestLostRecords(t *testing.T) {
	t.Parallel()
	c := &contest{row: row{name: "sieve", start: func(c *course) (run, error) {
		return func() error { c.sink.take(c.pool[:3]); return nil }, nil
	}}, batch: 20, producers: 1}
	if _, err := c.run(newPool(), 4); err == nil || err.Error() != "sieve, batch 20, 1 producers: 3 of 4 records were handled" {
		t.Error(err)
	}
}

// TestREADME: what it tells of the rows is what they say themselves.
func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows() {
		if line := "| " + r.name + " | " + r.does + " |\n"; !strings.Contains(string(readme), line) {
			t.Errorf("it does not have the line: %s", line)
		}
	}
	_, after, began := strings.Cut(string(readme), "<!-- rivals:begin -->\n")
	if !began || !strings.Contains(after, "\n<!-- rivals:end -->") {
		t.Error("no place for the table")
	}
}
