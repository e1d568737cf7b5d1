//go:build unix

package lambdatest_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// meeting has n invocations run at once, and returns the processes they ran in.
func meeting(t *testing.T, client *lambda.Client, n int) map[int]bool {
	t.Helper()
	dir := t.TempDir()
	type answer struct {
		out *lambda.InvokeOutput
		err error
	}
	answers := make(chan answer, n)
	for range n {
		in := do(t, task{Do: "meet", Dir: dir, N: n})
		go func() {
			out, err := client.Invoke(t.Context(), in)
			answers <- answer{out, err}
		}()
	}
	pids := make(map[int]bool)
	for range n {
		a := <-answers
		require.NoError(t, a.err)
		pid, err := strconv.Atoi(string(a.out.Payload))
		require.NoError(t, err, "%s", a.out.Payload)
		pids[pid] = true
	}
	return pids
}

func TestProgramEnvironments(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	dir := t.TempDir()
	s.HandleProgram("f", program(t, "STARTS="+dir), lambdatest.Timeout(ample))
	server, err := s.Listen("")
	require.NoError(t, err)
	client := server.Client(once)

	first := seen(t, client)
	for range 5 {
		assert.Equal(t, first, seen(t, client))
	}
	pids := meeting(t, client, 6)
	assert.Len(t, pids, 6, "one invocation at a time in each")
	assert.Contains(t, pids, first)
	assert.Equal(t, 6, s.MaxInFlight())
	for range 3 {
		assert.Equal(t, pids, meeting(t, client, 6), "all are reused")
	}
	last := seen(t, client)
	for range 5 {
		assert.Equal(t, last, seen(t, client), "the one used last")
	}
	assert.Equal(t, 6, count(dir))

	_, err = client.Invoke(t.Context(), do(t, task{Do: "exit", N: 1}))
	require.NoError(t, err)
	assert.Equal(t, 6, count(dir))
	assert.NotContains(t, pids, seen(t, client), "the environment that was used last has a new process")
	assert.Equal(t, 7, count(dir))

	s.Close()
	for pid := range pids {
		gone(t, pid)
	}
}

func TestProgramConcurrency(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		service []lambdatest.Option
		opts    []lambdatest.FunctionOption
		reason  types.ThrottleReason
	}{
		{
			name: "Reserved", opts: []lambdatest.FunctionOption{lambdatest.Reserved(2)},
			reason: types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded,
		},
		{
			name: "AccountConcurrency", service: []lambdatest.Option{lambdatest.AccountConcurrency(2)},
			reason: types.ThrottleReasonConcurrentInvocationLimitExceeded,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := lambdatest.New(tt.service...)
			defer s.Close()
			starts, dir := t.TempDir(), t.TempDir()
			s.HandleProgram("f", program(t, "STARTS="+starts), append(tt.opts, lambdatest.Timeout(ample))...)
			client := s.Client(once)

			// Those that are let in wait for a third, which is not let in.
			done := make(chan error, 2)
			for range 2 {
				in := do(t, task{Do: "meet", Dir: dir, N: 3})
				go func() {
					_, err := client.Invoke(t.Context(), in)
					done <- err
				}()
			}
			for s.InFlight() < 2 {
				time.Sleep(time.Millisecond)
			}
			for range 5 {
				_, err := client.Invoke(t.Context(), do(t, task{Do: "meet", Dir: dir, N: 3}))
				var throttle *types.TooManyRequestsException
				require.ErrorAs(t, err, &throttle)
				assert.Equal(t, tt.reason, throttle.Reason)
			}
			arrive(dir)
			require.NoError(t, <-done)
			require.NoError(t, <-done)
			assert.Equal(t, 2, count(starts))
			meeting(t, client, 2)
			assert.Equal(t, 2, count(starts))
			assert.Equal(t, 2, s.MaxInFlight())
		})
	}
}

func TestProgramTenants(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(ample), lambdatest.TenantIsolation())
	client := s.Client(once)
	see := func(tenant string) int {
		in := do(t, task{Do: "see"})
		in.TenantId = &tenant
		return sightOf(t, client, in).PID
	}
	blue := see("blue")
	assert.Equal(t, blue, see("blue"))
	red := see("red")
	assert.NotEqual(t, blue, red)
	gone(t, blue) // it made room
	assert.Equal(t, red, see("red"))
	assert.NotContains(t, []int{blue, red}, see("blue"))
}

func TestProgramReplaced(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(ample))
	client := s.Client(once)
	pids := meeting(t, client, 2)

	dir := t.TempDir()
	type answer struct {
		out *lambda.InvokeOutput
		err error
	}
	done := make(chan answer, 1)
	in := do(t, task{Do: "meet", Dir: dir, N: 2})
	go func() {
		out, err := client.Invoke(t.Context(), in)
		done <- answer{out, err}
	}()
	for count(dir) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Handle("f", echo)
	out, err := client.Invoke(t.Context(), input(`"echo"`))
	require.NoError(t, err)
	assert.Equal(t, `"echo"`, string(out.Payload))

	arrive(dir)
	a := <-done
	require.NoError(t, a.err)
	pid, err := strconv.Atoi(string(a.out.Payload))
	require.NoError(t, err, "it runs on")
	assert.Contains(t, pids, pid)
	for pid := range pids {
		gone(t, pid)
	}
}

func TestProgramIsKilledWithWhatItStarted(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t), lambdatest.Timeout(short))
	client := s.Client(once)
	dir := t.TempDir()
	parent := seen(t, client)
	out, err := client.Invoke(t.Context(), do(t, task{Do: "child", Dir: dir}))
	require.NoError(t, err)
	assert.Contains(t, string(out.Payload), "Task timed out after 2.00 seconds")
	text, err := os.ReadFile(filepath.Join(dir, "child"))
	require.NoError(t, err)
	child, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	gone(t, parent)
	dead(t, child)
}

// dead waits until a process that is nobody's business any more has ended; whoever must reap it may yet have to.
func dead(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		require.True(t, time.Now().Before(end), "process %d lives", pid)
	}
}

func TestProgramCloseWhileBusy(t *testing.T) {
	t.Parallel()
	starts := t.TempDir()
	s := lambdatest.New()
	defer s.Close()
	s.HandleProgram("f", program(t, "STARTS="+starts), lambdatest.Timeout(ample))
	s.HandleProgram("starting", program(t, "STARTS="+starts, "INIT=hang"), lambdatest.Timeout(ample))
	client := s.Client(once)
	pids := meeting(t, client, 3)

	dir := t.TempDir()
	failed := make(chan error, 3)
	for _, in := range []*lambda.InvokeInput{
		do(t, task{Do: "meet", Dir: dir, N: 9}), do(t, task{Do: "meet", Dir: dir, N: 9}),
		{FunctionName: aws.String("starting")},
	} {
		go func() {
			_, err := client.Invoke(t.Context(), in)
			failed <- err
		}()
	}
	for count(dir) < 2 || count(starts) < 4 {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	for range 3 {
		assert.ErrorIs(t, <-failed, syscall.ECONNRESET)
	}
	for pid := range pids {
		gone(t, pid)
	}
	_, err := client.Invoke(t.Context(), do(t, task{}))
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}
