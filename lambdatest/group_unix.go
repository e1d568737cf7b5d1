//go:build unix

package lambdatest

import (
	"os/exec"
	"syscall"
)

// ownGroup has the processes that cmd starts end with it: a shell's child, for example.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func killGroup(cmd *exec.Cmd) {
	// Who is not there any more is as it should be. The process itself may have moved to another group.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Process.Kill()
}

// killed reports whether the signal KILL has ended the process, which is how Lambda ends one that is out of memory.
func killed(err *exec.ExitError) bool {
	status, ok := err.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
