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
	if !slices.Equal(p.tables, tables) || p.rounds != 5 || p.server.HTTP != 2 || !slices.Equal(p.batches, []int{20, 100, 1000}) || len(p.flights) != 7 {
		t.Errorf("%+v", p)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"-rounds 0", "-time 1ms", "-delay -1s", "-http 3", "-inflight 0", "-callers 0", "-tables nothing", "-batches 0", "-batches 1,x",
		"-flights 0", "-sizes 199", "-payloads 7000000", "-json -markdown", "-nothing", "word",
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
	for _, want := range append(slices.Clone(tables), "-rounds", "-delay") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}
