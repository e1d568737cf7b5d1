package limitertest_test

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
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

func TestRealTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	limitertest.Run(t, factory(""), limitertest.RealTime())
}

// child is the environment variable that has TestChild run the suite on a limiter with a fault.
const child = "LIMITERTEST_FAULT"

func TestChild(t *testing.T) {
	t.Parallel()
	fault := os.Getenv(child)
	switch kind, real := strings.CutPrefix(fault, "RealTime:"); {
	case fault == "":
		t.Skip("is run by others")
	case real:
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
// here. It returns which checks ran, and how they ended.
func suite(t *testing.T, fault string, args ...string) (ends map[string][]string, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.run=^TestChild$", "-test.v", "-test.timeout=5m"}, args...)...) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), child+"="+fault)
	out, err := cmd.CombinedOutput()
	output = string(out)
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode(), "the suite must fail, and not fall over:\n%s", output)
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
		"LastInFirstOut":        {"Fairness/Rate", "Fairness/InFlight"},
		"FavoursAFunction":      {"Fairness/Rate", "Fairness/InFlight"},
		"IgnoresContext":        {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"ForeignError":          {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"CauseOnly":             {"ContextEnds/Rate", "ContextEnds/InFlight"},
		"LosesWhatCameTooLate":  {"WaitersWhoLeave/InFlight"},
		"ServesWhoLeft":         {"EverybodyIsServed/InFlight", "WaitersWhoLeave/Rate", "WaitersWhoLeave/InFlight"},
		"CountsReleaseTwice":    {"ReleaseTwice/Rate", "ReleaseTwice/InFlight"},
		"CountsNotUsedTwice":    {"ReleaseTwice/Rate"},
		"KeepsToken":            {"NotUsed/Rate"},
		"KeepsSlotOfUnknown":    {"Feedback/InFlight"},
		"FailsNowAndThen":       {"EverybodyIsServed/InFlight"},
		"LeaksGoroutine":        {"Goroutines/Rate", "Goroutines/InFlight"},
		"LeaksGoroutineForEver": {"Goroutines/Rate", "Goroutines/InFlight"},
		"nil":                   {"Ceilings/Rate", "Feedback/InFlight"},
	}
	sound, output := suite(t, "none")
	require.Empty(t, sound["FAIL"], output)
	require.Empty(t, sound["SKIP"], output)
	found := make(map[string]bool)
	t.Run("faults", func(t *testing.T) {
		for fault, rules := range broken {
			for _, rule := range rules {
				found[rule] = true
			}
			t.Run(fault, func(t *testing.T) {
				t.Parallel()
				ends, output := suite(t, fault)
				assert.Subset(t, ends["FAIL"], rules, output)
				for _, rule := range rules {
					assert.Subset(t, sound["PASS"], []string{rule}, "no such rule")
				}
				assert.Contains(t, output, "Rule: ")
				assert.Contains(t, output, "Why: ")
			})
		}
	})
	for _, rule := range sound["PASS"] {
		assert.True(t, found[rule], "no fault breaks %s", rule)
	}
}
