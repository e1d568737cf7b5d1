package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var plotKeys = []key{
	{"quota", "the quota"},
	{"idea", "what the limiter takes it for"},
	{"offered", "offered"},
	{"served", "served"},
	{"throttled", "throttled"},
}

// writePlots writes a file for each scenario: its first strategy large, and the others
// small.
func writePlots(dir string, trials []*trial) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // plots are for everybody
		return err
	}
	var names []string
	panels := make(map[string][]panel)
	titles := make(map[string]string)
	for _, tr := range trials {
		if tr.hidden || tr.first == nil {
			continue
		}
		name := tr.file()
		if len(panels[name]) == 0 {
			names = append(names, name)
			titles[name] = fmt.Sprintf("%s: %s; clients: %d", tr.scenario.name, tr.scenario.what, tr.scenario.clients)
		}
		p := tr.panel()
		if len(panels[name]) == 0 {
			p.unit = "invocations a second"
			p.title += " · " + titles[name]
		}
		panels[name] = append(panels[name], p)
	}
	for _, name := range names {
		svg := draw(titles[name], plotKeys, panels[name])
		if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil { //nolint:gosec // as the directory
			return err
		}
	}
	return nil
}

// file is the name of the file for a trial's scenario.
func (tr *trial) file() string {
	name := strings.NewReplacer(" ", "-", "'", "-prime").Replace(strings.ToLower(tr.scenario.name))
	return fmt.Sprintf("%s-%d.svg", name, tr.scenario.clients)
}

// points is how many a line has.
const points = 180

// panel shows the first seed's run.
func (tr *trial) panel() panel {
	r, c := tr.first, tr.course
	served := make([]float64, len(r.offered))
	for _, one := range r.served {
		for i, n := range one {
			served[i] += float64(n)
		}
	}
	quota := c.quotas()
	var top float64
	for _, q := range quota {
		top = max(top, 1.5*q/bin.Seconds())
	}
	ideas := make([]float64, len(r.ideas))
	for i, one := range r.ideas {
		ideas[i] = min(one.rate, one.slots/c.mean.Seconds(), 2*top) * bin.Seconds()
	}
	return panel{
		title: tr.strategy.name, length: c.length, top: top,
		lines: []line{
			{"quota", coarse(quota)},
			{"idea", coarse(ideas)},
			{"offered", coarse(floats(r.offered))},
			{"throttled", coarse(floats(r.throttled))},
			{"served", coarse(served)},
		},
	}
}

// coarse makes rates a second of counts in bins, so that a line has no more
// points than can be seen.
func coarse(counts []float64) []float64 {
	if len(counts) == 0 {
		return nil
	}
	out := make([]float64, min(points, len(counts)))
	for i := range out {
		from, to := i*len(counts)/len(out), (i+1)*len(counts)/len(out)
		var sum float64
		for _, n := range counts[from:to] {
			sum += n
		}
		out[i] = sum / (time.Duration(to-from) * bin).Seconds()
	}
	return out
}
