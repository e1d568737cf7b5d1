package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

func TestCourse(t *testing.T) {
	s := basis()
	c := s.course(1)
	for at, want := range map[time.Duration]float64{
		0: 1, 59 * time.Second: 1, 60 * time.Second: 0.5, 119 * time.Second: 0.5, 120 * time.Second: 1, time.Hour: 1,
	} {
		near(t, at.String(), c.factor(at), want)
		near(t, at.String(), c.free(at), 100*want)
	}
	s.concurrency = 10 // 50 a second
	near(t, "concurrency", s.course(1).free(0), 50)
	s.foreign, s.share = span{0, time.Second}, 0.7
	near(t, "foreign", s.course(1).free(0), 30)
	s.outage = span{0, time.Second}
	near(t, "outage", s.course(1).free(0), 0)
}

func TestWalkIsTheSeeds(t *testing.T) {
	s := basis()
	s.changes, s.walk = nil, 0.2
	a, b, other := s.course(1), s.course(1), s.course(2)
	if len(a.steps) != 36 {
		t.Fatalf("%d steps", len(a.steps))
	}
	same := true
	for i, step := range a.steps {
		if step != b.steps[i] {
			t.Errorf("step %d: %v and %v", i, step, b.steps[i])
		}
		same = same && step == other.steps[i]
		if step.factor < 0.4 || step.factor > 1.6 {
			t.Errorf("step %d: %v", i, step)
		}
	}
	if same {
		t.Error("two seeds, one walk")
	}
}

func TestShorter(t *testing.T) {
	whole := basis()
	s := whole.shorter(1.0 / 3)
	if s.length != 60*time.Second || s.changes[0].at != 20*time.Second || s.changes[1].at != 40*time.Second {
		t.Errorf("got %+v", s)
	}
	if whole.changes[0].at != 60*time.Second {
		t.Error("the original has changed")
	}
}

func TestFlags(t *testing.T) {
	parsed := func(args ...string) *plan {
		t.Helper()
		p, err := parse(args, io.Discard)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return p
	}
	p := parsed()
	if !p.whole || len(p.seeds) != 5 || p.seeds[0] != 101 || len(p.strategies) != len(strategies()) || p.quick || p.json {
		t.Errorf("default: %+v", p)
	}

	p = parsed("-rate", "50", "-concurrency", "7", "-duration", "400ms", "-depth", "200ms", "-clients", "1, 3", "-workers", "9",
		"-length", "30s", "-step", "10s:2,20s:0.25,40s:1", "-outage", "5s:50s", "-offered", "0.4")
	if len(p.scenarios) != 2 || p.whole {
		t.Fatalf("scenarios: %+v", p.scenarios)
	}
	s := p.scenarios[1]
	if s.name != "own" || s.rate != 50 || s.concurrency != 7 || s.mean != 400*time.Millisecond || s.burst(1) != 10 || s.clients != 3 || s.workers != 9 ||
		s.length != 30*time.Second || len(s.changes) != 2 || s.changes[1] != (change{20 * time.Second, 0.25}) ||
		s.outage != (span{5 * time.Second, 30 * time.Second}) || s.offered != 0.4 {
		t.Errorf("own: %+v", s)
	}

	p = parsed("-scenario", "a', a-OPEN", "-strategy", "LambdaBatch-shared", "-rate", "20", "-step", "none", "-quick", "-seeds", "9", "-first-seed", "1")
	if len(p.scenarios) != 2 || p.scenarios[0].name != "A'" || p.scenarios[1].name != "A open" || p.scenarios[0].rate != 20 || p.scenarios[0].changes != nil ||
		p.scenarios[0].length != 60*time.Second || len(p.strategies) != 1 || p.strategies[0].name != "lambdabatch shared" || len(p.seeds) != 1 || p.seeds[0] != 1 {
		t.Errorf("named: %+v", p)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range []string{
		"-scenario Q", "-strategy magic", "-clients 0", "-clients x", "-seeds 0", "-rate 0", "-depth -1s", "-concurrency 0", "-duration 0s",
		"-workers 0", "-offered -1", "-length 5s", "-step 60s", "-step x:1", "-step 0s:1", "-step 60s:1,30s:1", "-step 60s:0",
		"-outage 60s", "-outage x:60s", "-outage 60s:30s", "more", "-no-such-flag",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
	var help strings.Builder
	if _, err := parse([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-first-seed") {
		t.Errorf("-h: %v, %q", err, help.String())
	}
}

func TestScenariosHaveNamesOfTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range scenarios() {
		if seen[s.name] || s.name == "" || s.what == "" {
			t.Errorf("%q, %q", s.name, s.what)
		}
		seen[s.name] = true
	}
	for _, st := range strategies() {
		if st.part <= 0 || st.callers == nil || st.name == "" {
			t.Errorf("%+v", st)
		}
	}
}
