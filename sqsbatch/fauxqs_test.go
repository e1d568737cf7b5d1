package sqsbatch_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fauxqs starts the SQS-compatible server of that name, a package of npm, and returns its URL. The test is skipped where that cannot be, unless SQSBATCH_FAUXQS is "required".
func fauxqs(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("fauxqs is not for -short")
	}
	skip := t.Skipf
	if os.Getenv("SQSBATCH_FAUXQS") == "required" {
		skip = t.Fatalf
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			skip("fauxqs needs %s: %v", program, err)
		}
	}
	dir, err := installed(t)
	if err != nil {
		skip("fauxqs cannot be installed: %v", err)
	}
	server := exec.CommandContext(t.Context(), "node", "--import", "./loopback.mjs", "start.mjs")
	server.Dir, server.Stderr = dir, os.Stderr
	in, err := server.StdinPipe() // it ends with this
	require.NoError(t, err)
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = server.Wait() // it is killed with t.Context(), too
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// installed returns a directory with what is in testdata/fauxqs and its packages, of which a copy stays for the next time.
func installed(t *testing.T) (string, error) {
	t.Helper()
	lock, err := os.ReadFile("testdata/fauxqs/package-lock.json")
	require.NoError(t, err)
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "lambdabatch", "fauxqs")
	if has, err := os.ReadFile(filepath.Join(dir, "installed")); err == nil && string(has) == string(lock) {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS("testdata/fauxqs")); err != nil {
		return "", err
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir, install.Stderr = dir, os.Stderr
	if err := install.Run(); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "installed"), lock, 0o600)
}
