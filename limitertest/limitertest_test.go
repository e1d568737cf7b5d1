package limitertest_test

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/limitertest"
)

// factory makes limiters with the fault of that name; without any if it is empty.
func factory(fault string) func(*testing.T, limitertest.Ceilings) lambdabatch.Limiter {
	var f faults
	if fault != "" {
		reflect.ValueOf(&f).Elem().FieldByName(fault).SetBool(true)
	}
	return func(t *testing.T, c limitertest.Ceilings) lambdabatch.Limiter { return newLimiter(t, c, f) }
}

// What is no fault passes.
func TestSoundLimiters(t *testing.T) {
	t.Parallel()
	for _, harmless := range []string{"", "SlowAtFirst", "OwnGoroutine", "FailsBeforeTheDeadline"} {
		t.Run(harmless, func(t *testing.T) {
			t.Parallel()
			limitertest.Run(t, factory(harmless))
		})
	}
}

// child is the environment variable that has TestChild run the suite on a limiter with a fault.
const child = "LIMITERTEST_FAULT"

func TestChild(t *testing.T) {
	t.Parallel()
	fault := os.Getenv(child)
	switch kind, inRealTime := strings.CutPrefix(fault, "RealTime:"); {
	case fault == "":
		t.Skip("is run by others")
	case inRealTime:
		limitertest.Run(t, factory(kind), limitertest.RealTime())
	case fault == "none":
		limitertest.Run(t, factory(""))
	case fault == "skip":
		limitertest.Run(t, func(t *testing.T, _ limitertest.Ceilings) lambdabatch.Limiter {
			t.Helper()
			t.Skip("cannot")
			return nil
		})
	case fault == "skip some":
		limitertest.Run(t, func(t *testing.T, c limitertest.Ceilings) lambdabatch.Limiter {
			t.Helper()
			if c.InFlight > 0 {
				t.Skip("cannot")
			}
			return newLimiter(t, c, faults{})
		})
	case fault == "nil":
		limitertest.Run(t, func(*testing.T, limitertest.Ceilings) lambdabatch.Limiter { return nil })
	default:
		limitertest.Run(t, factory(fault))
	}
}

// suite runs the suite in a process of its own, for a failure there must not be one
// here. only narrows the checks down, as -run does. It returns how each of them ended.
func suite(t *testing.T, fault, only string) (ends map[string][]string, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$"+only, "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), child+"="+fault)
	out, err := cmd.CombinedOutput()
	output = string(out)
	if err != nil {
		var exit *exec.ExitError
		if assert.ErrorAs(t, err, &exit) {
			assert.Equal(t, 1, exit.ExitCode(), "the suite must fail, and not fall over:\n%s", output)
		}
	}
	ends = make(map[string][]string)
	for _, m := range regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): TestChild/(\S+/\S+)`).FindAllStringSubmatch(output, -1) {
		ends[m[1]] = append(ends[m[1]], m[2])
	}
	return ends, output
}

// Each fault is found by the rule that it breaks, and each rule finds a fault.
func TestBrokenLimiters(t *testing.T) {
	t.Parallel()
	broken := map[string][]string{
		"InFlightByOne":         {"Ceilings/InFlight", "Ceilings/RateAndInFlight", "ContextEnds/InFlight", "ReleaseTwice/InFlight"},
		"BurstByOne":            {"Ceilings/Rate", "Ceilings/RateAndInFlight", "ContextEnds/Rate"},
		"TooFast":               {"Ceilings/Rate"},
		"Hoards":                {"Ceilings/Rate"},
		"LosesWakeUp":           {"EverybodyIsServed/InFlight"},
		"LosesTimer":            {"EverybodyIsServed/Rate"},
		"NilRelease":            {"ContextEnds/Rate"},
		"LastInFirstOut":        {"Fairness/Rate", "Fairness/InFlight"},
		"FavoursAFunction":      {"Fairness/Rate", "Fairness/InFlight"},
		"IgnoresContext":        {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"ForeignError":          {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"CauseOnly":             {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"LosesWhatCameTooLate":  {"WaitersWhoLeave/InFlight"},
		"ServesWhoLeft":         {"EverybodyIsServed/InFlight", "WaitersWhoLeave/Rate", "WaitersWhoLeave/InFlight"},
		"LeavesReservation":     {"WaitersWhoLeave/Rate"},
		"CountsReleaseTwice":    {"ReleaseTwice/Rate", "ReleaseTwice/InFlight"},
		"CountsNotUsedTwice":    {"ReleaseTwice/Rate"},
		"KeepsToken":            {"NotUsed/Rate"},
		"KeepsSlotOfUnknown":    {"Feedback/InFlight"},
		"FailsNowAndThen":       {"EverybodyIsServed/InFlight"},
		"LeaksGoroutine":        {"Goroutines/Rate", "Goroutines/InFlight"},
		"LeaksGoroutineForEver": {"Goroutines/Rate", "Goroutines/InFlight"},
		"nil":                   {"Ceilings/Rate", "Feedback/InFlight"},
	}
	sound, output := suite(t, "none", "")
	require.Empty(t, sound["FAIL"], output)
	require.Empty(t, sound["SKIP"], output)
	found := make(map[string]bool)
	for fault, rules := range broken {
		for _, rule := range rules {
			found[rule] = true
			assert.Contains(t, sound["PASS"], rule, "there is no such rule")
		}
		t.Run(fault, func(t *testing.T) { t.Parallel(); findsFault(t, fault, rules) })
	}
	for _, rule := range sound["PASS"] {
		assert.True(t, found[rule], "no fault breaks %s", rule)
	}
}

// By the clock it is the same. All run at once, for most of the time they wait.
func TestRealTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	var group sync.WaitGroup
	for _, rule := range []string{
		"Ceilings", "EverybodyIsServed", "Fairness", "ContextEnds", "WaitersWhoLeave", "ReleaseTwice", "NotUsed", "Feedback", "Goroutines",
	} {
		group.Go(func() {
			ends, output := suite(t, "RealTime:", "/^"+rule+"$")
			assert.NotEmpty(t, ends["PASS"], output)
			assert.Empty(t, ends["FAIL"], output)
		})
	}
	for fault, rule := range map[string]string{
		"InFlightByOne":  "Ceilings/InFlight",
		"TooFast":        "Ceilings/Rate",
		"IgnoresContext": "ContextEnds/InFlight",
		"LastInFirstOut": "Fairness/InFlight",
		"ServesWhoLeft":  "WaitersWhoLeave/Rate",
		"LeaksGoroutine": "Goroutines/Rate",
	} {
		group.Go(func() { findsFault(t, "RealTime:"+fault, []string{rule}) })
	}
	group.Wait()
}

// findsFault checks that the rules fail for the fault.
func findsFault(t *testing.T, fault string, rules []string) {
	t.Helper()
	var names, with []string
	for _, rule := range rules {
		name, ceilings, _ := strings.Cut(rule, "/")
		names, with = append(names, name), append(with, ceilings)
	}
	ends, output := suite(t, fault, "/^("+strings.Join(names, "|")+")$/^("+strings.Join(with, "|")+")$")
	assert.Subset(t, ends["FAIL"], rules, output)
	assert.Contains(t, output, "Rule: ")
	assert.Contains(t, output, "Why: ")
}

// A check that the factory has no limiter for is left out; a suite of nothing is a
// mistake.
func TestSkip(t *testing.T) {
	t.Parallel()
	all, output := suite(t, "skip", "")
	assert.Empty(t, all["PASS"], output)
	assert.Contains(t, output, "nothing was checked")
	assert.Contains(t, output, "--- FAIL: TestChild ")

	some, output := suite(t, "skip some", "")
	assert.Contains(t, some["SKIP"], "Feedback/InFlight", output)
	assert.Contains(t, some["SKIP"], "Ceilings/RateAndInFlight", output)
	assert.Contains(t, some["PASS"], "Ceilings/Rate", output)
	assert.Contains(t, output, "the factory makes no limiter with the ceilings 20 a second and a burst of 5, 3 in flight")
	assert.Empty(t, some["FAIL"], output)
	one, output := suite(t, "skip some", "/^Feedback$")
	assert.Equal(t, []string{"Feedback/InFlight"}, one["SKIP"], output)
	assert.NotContains(t, output, "nothing was checked")
}
