package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing" //nolint:depguard // see bubble.Main
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/bubble"
)

// trial is one strategy in one scenario.
type trial struct {
	strategy strategy
	scenario *scenario
	runs     []measures // by seed
	mean     measures
	ofOracle float64    // its goodput by the oracle's in the same time; NaN: there is no oracle
	hidden   bool       // only to measure others by
	first    *recording // of the first seed, for the plots
	course   course     // that seed's
}

// run does what the plan says, and prints what came of it.
func (p *plan) run(t *testing.T, out, progress io.Writer) error {
	began := time.Now()
	trials := p.trials()
	if err := p.runAll(t, trials, progress); err != nil {
		return err
	}
	compare(trials)
	if p.svg != "" {
		if err := writePlots(p.svg, trials); err != nil {
			return err
		}
	}
	trials = slices.DeleteFunc(trials, func(tr *trial) bool { return tr.hidden })
	if p.json {
		return writeJSON(out, trials, p.seeds)
	}
	if p.markdown {
		writeMarkdown(out, trials, p.seeds)
		return nil
	}
	writeTable(out, trials, p.seeds)
	fmt.Fprintf(out, "\nTook %.0f s; %s, %d cores.\n", time.Since(began).Seconds(), runtime.Version(), runtime.GOMAXPROCS(0))
	return nil
}

func (p *plan) trials() []*trial {
	var all []*trial
	for i := range p.scenarios {
		s := p.scenarios[i]
		lengths := make(map[time.Duration]bool) // true: an oracle runs
		for _, st := range p.strategies {
			if st.several && s.clients == 1 || p.whole && !worthwhile(st, &s) {
				continue
			}
			all = append(all, p.trial(st, s))
			lengths[st.shown(s).length] = lengths[st.shown(s).length] || st.name == oracleName
		}
		for length, has := range lengths {
			if has || !p.compare {
				continue
			}
			best := oracleStrategy()
			best.part = float64(length) / float64(s.length)
			tr := p.trial(best, s)
			tr.hidden = true
			all = append(all, tr)
		}
	}
	return all
}

func (p *plan) trial(st strategy, s scenario) *trial {
	shown := st.shown(s)
	return &trial{strategy: st, scenario: &shown, runs: make([]measures, len(p.seeds))}
}

// worthwhile leaves out runs that take long and show only what others have shown.
func worthwhile(st strategy, s *scenario) bool {
	switch st.name {
	case "naive retry", "SDK standard":
		return s.clients == 1 && s.window == 0 && !strings.HasPrefix(s.name, "T")
	case "full jitter only":
		return (s.clients == 1 || s.name == "A") && s.window == 0 && !strings.HasPrefix(s.name, "T")
	case "fixed 8/s":
		return s.window == 0 && !strings.HasPrefix(s.name, "T")
	}
	return true
}

// runAll runs all seeds of all trials, as many at a time as there are cores.
func (p *plan) runAll(t *testing.T, trials []*trial, progress io.Writer) error {
	type job struct {
		trial *trial
		seed  int
	}
	jobs := make(chan job)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		done int
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range jobs {
				err := j.trial.run(t, j.seed, p.seeds[j.seed])
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				}
				done++
				if progress != nil {
					fmt.Fprintf(progress, "\r%d of %d runs", done, len(trials)*len(p.seeds))
				}
				mu.Unlock()
			}
		})
	}
	for _, tr := range trials {
		for i := range p.seeds {
			jobs <- job{tr, i}
		}
	}
	close(jobs)
	wg.Wait()
	if progress != nil {
		fmt.Fprint(progress, "\r\033[K")
	}
	for _, tr := range trials {
		tr.mean = mean(tr.runs)
	}
	return errors.Join(errs...)
}

func (tr *trial) run(t *testing.T, i int, seed uint64) error {
	name := fmt.Sprintf("%s, %s, %d clients, seed %d", tr.strategy.name, tr.scenario.name, tr.scenario.clients, seed)
	return bubble.Run(t, name, func() error {
		log, err := simulate(tr.strategy, tr.scenario, seed)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c := tr.scenario.course(seed)
		tr.runs[i] = measure(c, log)
		if i == 0 {
			tr.course, tr.first = c, log
		}
		return nil
	})
}

// compare measures all by the oracle.
func compare(trials []*trial) {
	type key struct {
		name    string
		clients int
		length  time.Duration
	}
	of := func(tr *trial) key { return key{tr.scenario.name, tr.scenario.clients, tr.scenario.length} }
	best := make(map[key]float64)
	for _, tr := range trials {
		if tr.strategy.name == oracleName {
			best[of(tr)] = tr.mean.goodput
		}
	}
	for _, tr := range trials {
		tr.ofOracle = math.NaN()
		if b := best[of(tr)]; b > 0 {
			tr.ofOracle = tr.mean.goodput / b
		}
	}
}
