package functions_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// The emulator is serverless-offline, which has nothing to do with this library: what it and lambdatest agree on is not only our own
// idea of Lambda. It runs the function in Node, and odd.mjs, which misbehaves; lambdatest runs the same files.

// lambdas are clients of both.
type lambdas struct{ emulator, ours *lambda.Client }

// each runs f for both, at the same time.
func (l lambdas) each(t *testing.T, f func(t *testing.T, side string, client *lambda.Client)) {
	t.Helper()
	for side, client := range map[string]*lambda.Client{"emulator": l.emulator, "lambdatest": l.ours} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			f(t, side, client)
		})
	}
}

// sides starts both. They have the functions orders-dev-price, orders-dev-odd, and orders-dev-slow, which is odd with a timeout of 3 s.
func sides(t *testing.T) lambdas {
	t.Helper()
	emulator := startEmulator(t)

	price := nodeFunction(t)
	odd := nodeFunction(t)
	odd.Command[1] = filepath.Join("..", "node", "bootstrap.mjs")
	odd.Dir, odd.Handler = "emulator", "odd.handler"
	s := lambdatest.New()
	t.Cleanup(s.Close)
	s.HandleProgram("orders-dev-price", price, lambdatest.Timeout(ample))
	s.HandleProgram("orders-dev-odd", odd, lambdatest.Timeout(ample))
	s.HandleProgram("orders-dev-slow", odd, lambdatest.Timeout(3*time.Second))
	server, err := s.Listen("")
	require.NoError(t, err)
	return lambdas{emulator: emulator, ours: server.Client(once)}
}

// startEmulator starts the emulator and waits until it answers.
func startEmulator(t *testing.T) *lambda.Client {
	t.Helper()
	node := interpreter(t, "node")
	install(t, interpreter(t, "npm"))

	http, api := freePort(t), freePort(t)
	cmd := exec.Command(node, filepath.Join("node_modules", "osls", "bin", "serverless.js"), "offline", "start",
		"--host", "127.0.0.1", "--httpPort", http, "--lambdaPort", api)
	cmd.Dir = "emulator"
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
		"SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "CI=1",
		"NODE_OPTIONS=--unhandled-rejections=warn", // else an Event that fails ends the whole emulator
	}
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("the emulator said:\n%s", out)
		}
	})

	deadline := time.Now().Add(ample)
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+api)
		if err == nil {
			require.NoError(t, conn.Close())
			break
		}
		select {
		case <-exited:
			t.Fatalf("the emulator does not start:\n%s", out)
		case <-time.After(50 * time.Millisecond):
		}
		require.True(t, time.Now().Before(deadline), "the emulator does not listen:\n%s", out)
	}
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:" + api), Credentials: aws.AnonymousCredentials{},
	}, once)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// install has npm install the emulator as its lock file says, unless that was done before.
func install(t *testing.T, npm string) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join("emulator", "package-lock.json"))
	require.NoError(t, err)
	sum := sha256.Sum256(lock)
	want := hex.EncodeToString(sum[:])
	stamp := filepath.Join("emulator", "node_modules", ".installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci")
	cmd.Dir = "emulator"
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, "npm cannot install the emulator: %v\n%s", err, out)
	}
	require.NoError(t, os.WriteFile(stamp, []byte(want), 0o600))
}

// A lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// spaces pads JSON to a size, at which it says the same.
func spaces(text string, size int) []byte {
	return fmt.Appendf(nil, "%s%s", text, strings.Repeat(" ", size-len(text)))
}
