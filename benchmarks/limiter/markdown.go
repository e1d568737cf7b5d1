package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/build"
)

// writeMarkdown writes a table for each number of clients: goodput and throttled calls
// of each strategy in each scenario, and what is told of outages beside.
func writeMarkdown(out io.Writer, trials []*trial, seeds []uint64) {
	var clients []int
	for _, tr := range trials {
		if !slices.Contains(clients, tr.scenario.clients) {
			clients = append(clients, tr.scenario.clients)
		}
	}
	for _, n := range clients {
		var strategies, scenarios []string
		cells := map[string]string{}
		for _, tr := range trials {
			if tr.scenario.clients != n {
				continue
			}
			if !slices.Contains(strategies, tr.strategy.name) {
				strategies = append(strategies, tr.strategy.name)
			}
			if !slices.Contains(scenarios, tr.scenario.name) {
				scenarios = append(scenarios, tr.scenario.name)
			}
			cells[tr.strategy.name+"\n"+tr.scenario.name] = tr.cell()
		}
		fmt.Fprintf(out, "| N=%d | %s |\n|---|%s\n", n, strings.Join(scenarios, " | "), strings.Repeat("---|", len(scenarios)))
		for _, strategy := range strategies {
			row := make([]string, 0, len(scenarios))
			for _, scenario := range scenarios {
				row = append(row, cells[strategy+"\n"+scenario])
			}
			if strategy == "lambdabatch" {
				strategy = "**lambdabatch**"
			}
			fmt.Fprintf(out, "| %s | %s |\n", strategy, strings.Join(row, " | "))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "Seeds %s; %s, AWS SDK core %s, lambda %s, simulated time.\n", list(seeds), runtime.Version(),
		build.Version("github.com/aws/aws-sdk-go-v2"), build.Version("github.com/aws/aws-sdk-go-v2/service/lambda"))
}

// cell is a trial in a few characters.
func (tr *trial) cell() string {
	m := tr.mean
	switch {
	case !math.IsNaN(m.outage):
		return fmt.Sprintf("%.2f/s, %s", m.outage, number("%.1f s", m.recovery))
	case tr.scenario.window > 0 && !math.IsNaN(m.jain):
		return fmt.Sprintf("%.1f / %.2f, Jain %.3f", 100*m.goodput, 100*m.throttled, m.jain)
	default:
		return fmt.Sprintf("%.1f / %.2f", 100*m.goodput, 100*m.throttled)
	}
}
