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
	"time"
)

// runPlan runs the command with these flags.
func runPlan(t *testing.T, args ...string) string {
	t.Helper()
	p, err := parse(args, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.run(t, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestLingers(t *testing.T) {
	t.Parallel()
	var results []result
	if err := json.Unmarshal([]byte(runPlan(t, "-json", "-tables", "linger", "-rounds", "2", "-n", "200", "-loads", "10,100")), &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != 8 {
		t.Fatalf("%d results", len(results))
	}
	for _, r := range results {
		if r.P50.Median > r.P99.Median || r.P99.Median > r.P999.Median || r.PerInvocation.Median < 1 || r.PerInvocation.Median > batch || r.Rounds != 2 {
			t.Errorf("%+v", r)
		}
		// Whoever comes alone waits for as long as the linger says, and not a nanosecond more.
		if r.Load == 10 && (r.P50.Median != r.LingerMS || r.P99.Median != r.LingerMS) {
			t.Errorf("%+v", r)
		}
	}
}

// TestQuota: while the quota is not short, it is the same whether the permit comes first;
// when it is, a window that is too short has more batches than there are permits.
func TestQuota(t *testing.T) {
	t.Parallel()
	var results []result
	if err := json.Unmarshal([]byte(runPlan(t, "-json", "-tables", "quota", "-rounds", "1", "-n", "1000", "-quota-loads", "20,140", "-quota-lingers", "10ms,250ms")), &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != 8 {
		t.Fatalf("%d results", len(results))
	}
	for i := 0; i < len(results); i += 2 {
		permit, window := results[i], results[i+1]
		if permit.Name != "lambdabatch" || window.Name != "fixed window" || permit.Load != window.Load || permit.LingerMS != window.LingerMS {
			t.Fatalf("%+v and %+v", permit, window)
		}
		if permit.P99.Median > 400 || permit.PerSecond.Median > 8*tooMany {
			t.Errorf("%+v", permit)
		}
		if same, want := permit.P50 == window.P50, permit.LingerMS == 250; same != want {
			t.Errorf("%+v and %+v", permit, window)
		}
		if permit.LingerMS == 10 && window.P50.Median < 10*permit.P50.Median {
			t.Errorf("%+v and %+v", permit, window)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	args := []string{"-rounds", "1", "-n", "100", "-loads", "10", "-quota-loads", "140", "-quota-lingers", "10ms"}
	out := runPlan(t, append(args, "-markdown")...)
	parts := strings.Split(strings.TrimSpace(out), "\n\n")
	if len(parts) != 3 || !strings.HasPrefix(parts[2], "Median (least–most) of 1 rounds of 100 records, seeds from 101; the function takes 20ms; simulated time; go") {
		t.Fatal(out)
	}
	for _, part := range parts[:2] {
		lines := strings.Split(part, "\n")
		for _, line := range lines {
			if strings.Count(line, "|") != strings.Count(lines[0], "|") {
				t.Errorf("a line has other columns than the head:\n%s", part)
			}
		}
	}
	if !strings.Contains(parts[1], " | ∞ | ∞ | ") {
		t.Error(parts[1])
	}
	if out := runPlan(t, args...); strings.Count(out, "\n") != 5+1+2+1 {
		t.Error(out)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-rounds 0", "-n 0", "-takes -1s", "-rate 0", "-burst 0", "-tables nothing", "-loads 0", "-loads x", "-lingers -1s", "-quota-loads 0",
		"-quota-lingers x", "-json -markdown", "-nothing", "word",
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
	for _, want := range append([]string{"-rounds", "-lingers"}, tables...) {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	m := &meter{}
	for i := range 1000 {
		m.done(true, time.Duration(999-i)*time.Millisecond, nil)
	}
	m.done(false, time.Hour, nil)
	for range 100 {
		m.invoked(10)
	}
	if got, want := m.sample(10*time.Second), (sample{499, 989, 998, 10, 10}); got != want {
		t.Errorf("%+v", got)
	}
	m.done(true, 0, errors.New("lost"))
	if m.err == nil {
		t.Error("no error")
	}
}

func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, began := strings.Cut(string(readme), "<!-- latency:begin -->\n")
	if !began || !strings.Contains(after, "\n<!-- latency:end -->") {
		t.Error("no place for the tables")
	}
}
