package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runPlan runs the command with these flags, but for its own way to a bubble.
func runPlan(t *testing.T, args ...string) string {
	t.Helper()
	p, err := parse(args, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.run(t, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestEndToEnd runs all strategies through a short scenario with everything in
// it.
func TestEndToEnd(t *testing.T) {
	dir := t.TempDir()
	out := runPlan(t, "-json", "-svg", dir, "-seeds", "2", "-first-seed", "7", "-clients", "2", "-workers", "40",
		"-rate", "40", "-length", "60s", "-step", "20s:0.5,30s:1", "-outage", "40s:50s")

	var results []map[string]any
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]map[string]any)
	for _, r := range results {
		found[r["strategy"].(string)] = r
		for _, field := range []string{
			"strategy", "scenario", "clients", "goodput", "of_oracle", "throttled", "jain", "p99_seconds", "failed", "left",
			"start_seconds", "down_seconds", "up_seconds", "recovery_seconds", "outage_calls_per_second", "seeds",
		} {
			if _, ok := r[field]; !ok {
				t.Errorf("%v: no %s", r["strategy"], field)
			}
		}
	}
	var names []string
	for _, st := range strategies() {
		names = append(names, st.name)
		if found[st.name] == nil {
			t.Errorf("%s is missing", st.name)
		}
	}
	if len(results) != len(names) {
		t.Errorf("%d results", len(results))
	}

	best := found[oracleName]
	if g := best["goodput"].(float64); g < 0.97 || g > 1.1 {
		t.Errorf("the oracle has a goodput of %v", g)
	}
	if v := best["throttled"].(float64); v > 0.002 {
		t.Errorf("the oracle has %v throttled", v)
	}
	if v := best["outage_calls_per_second"].(float64); v != 0 {
		t.Errorf("the oracle makes %v calls a second in the outage", v)
	}
	if v := found["naive retry"]["throttled"].(float64); v < 0.3 {
		t.Errorf("the naive has only %v throttled", v)
	}
	if g := found["fixed 8/s"]["goodput"].(float64); g < 0.35 || g > 0.6 { // 2·8 of 40, and 20 for a while
		t.Errorf("the fixed one has a goodput of %v", g)
	}
	for _, name := range []string{"lambdabatch", "lambdabatch shared", "CUBIC repaired", "SDK adaptive"} {
		if g := found[name]["goodput"].(float64); g < 0.5 || g > 1.1 {
			t.Errorf("%s has a goodput of %v", name, g)
		}
	}

	svg, err := os.ReadFile(filepath.Join(dir, "own-2.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if count := wellFormed(t, string(svg)); count["clipPath"] != len(names) {
		t.Errorf("%v", count)
	}
}

func TestTable(t *testing.T) {
	out := runPlan(t, "-scenario", "C-open", "-strategy", "oracle,fixed-8/s", "-length", "30s", "-step", "none", "-seeds", "1")
	for _, want := range []string{"Seeds 101.", "C open: rate 10/s, 60 % of it offered", "oracle", "fixed 8/s", "100.0 %"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestOracleIsHidden: it runs, to be measured by, and is not shown.
func TestOracleIsHidden(t *testing.T) {
	out := runPlan(t, "-json", "-strategy", "full-jitter-only", "-rate", "10", "-workers", "8", "-length", "20s", "-step", "none", "-seeds", "1")
	var results []result
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != 1 || results[0].OfOracle == nil || *results[0].OfOracle < 0.8 {
		t.Errorf("%+v", results)
	}
}

// TestWholePlan checks what the command does without flags, without doing it.
func TestWholePlan(t *testing.T) {
	p, err := parse(nil, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string][]string)
	for _, tr := range p.trials() {
		name := strings.TrimSuffix(tr.file(), ".svg")
		have[name] = append(have[name], tr.strategy.name)
	}
	for _, name := range []string{
		"a-1", "a-prime-1", "b-1", "c-1", "d-1", "e-1", "t1-1", "t2-1", "t3-1", "a-open-1", "b-open-1", "c-open-1", "outage-1",
		"outage-open-1", "a-4", "b-4", "c-4", "d-4", "e-4", "a-open-4", "outage-4", "a-long-4", "c-long-4",
	} {
		for _, st := range []string{"lambdabatch", "SDK adaptive", "CUBIC repaired", oracleName} {
			if !slices.Contains(have[name], st) {
				t.Errorf("%s: no %s", name, st)
			}
		}
	}
	if len(have) != 23 {
		t.Errorf("%d scenarios: %v", len(have), have)
	}
}
