package main

import (
	"bytes"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	p, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.rows) != len(rows()) || p.records != 1_000_000 || p.rounds != 7 ||
		!slices.Equal(p.batches, []int{20, 100, 1000}) || !slices.Equal(p.producers, []int{1, 8}) {
		t.Errorf("%+v", p)
	}
}

func TestChooseRows(t *testing.T) {
	t.Parallel()
	floors := []string{
		"floor: mutex and slice", "floor: channel and goroutine", "floor: mutex, slice, future per batch",
		"floor: checked, copied, future per batch", "floor: the invoker alone",
	}
	for list, want := range map[string][]string{
		"bundler,hand-written":        {"bundler", "hand-written"},
		"lambdabatch":                 {"lambdabatch"},
		"lambdabatch-engine, gocloud": {"lambdabatch engine", "gocloud"},
		"data":                        {"dataloader", "dataloadgen"},
		"floor":                       floors,
		"floor: mutex, slice, future per batch,floor": {floors[2], floors[0], floors[1], floors[3], floors[4]},
		"floor:-channel": {floors[1]},
	} {
		chosen, err := chooseRows(list)
		if err != nil {
			t.Errorf("%s: %v", list, err)
		}
		var names []string
		for _, r := range chosen {
			names = append(names, r.name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q", list, names)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-n 0", "-rounds 0", "-rows nobody", "-rows floor,nobody", "-rows ,", "-batches 0", "-batches 20,x", "-batches 1025", "-producers 9",
		"-json -markdown", "-cpuprofile f", "-nothing", "word",
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
	for _, want := range append(rowNames(), "-rounds", "-cpuprofile") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}
