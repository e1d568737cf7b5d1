// Command pipeline is the whole of a pipeline: orders come from an SQS queue, a
// Lambda function prices them, and each result is a row in a database, in spite of
// throttles, poison and a worker that is killed on the way. Run it with -h for its
// flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the check at the end found something, or it did not come so far
	exitUsage  = 2 // nothing was sent
)

const usage = `usage: pipeline [flags]

Sends orders to an SQS queue, has two worker processes price them by a Lambda
function and write the results to SQLite, kills one of the workers halfway and
starts it again, and checks at the end: each order has exactly one row, those
that failed for good are in the dead-letter queue, the queue is empty.

Without flags SQS and Lambda run in this process, on loopback ports: 5,000 orders,
of which some are poison and some slow, and a function with 100 invocations a
second and a concurrency of 10. With -queue, -dead and -function they are yours, with the
credentials and the Region of your AWS configuration, and you pay for it. The
queues must be empty and yours alone, and the queue's visibility timeout at
least 5 s longer than the function's timeout.

Exit code: 0 all is well, 1 the check has failed or the run was broken off,
2 nothing was sent.

`

// settings is what the flags say.
type settings struct {
	Orders            int
	SQS, Lambda       string // endpoints; empty for AWS
	Queue, Dead       string // URLs
	Function          string
	Database          string
	InvocationTimeout time.Duration
	json              bool
}

func main() {
	if told := os.Getenv(workerEnv); told != "" {
		os.Exit(workerMain(told))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)) //nolint:gocritic // the process ends
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(stderr, "pipeline:", err)
		return exitUsage
	}
	result, sent, err := pipeline(ctx, s, stderr)
	switch {
	case err != nil && sent:
		fmt.Fprintln(stderr, "pipeline: given up:", err)
		return exitFailed
	case err != nil:
		fmt.Fprintln(stderr, "pipeline:", err)
		return exitUsage
	}
	if s.json {
		err = json.NewEncoder(stdout).Encode(result)
	} else {
		err = result.write(stdout)
	}
	if err != nil || !result.OK {
		return exitFailed
	}
	return exitOK
}

// pipeline is the order of events. It reports whether orders were sent, also with an error.
func pipeline(ctx context.Context, s settings, stderr io.Writer) (result *summary, sent bool, err error) {
	dir, err := os.MkdirTemp("", "pipeline")
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s.Database = filepath.Join(dir, "results.db")
	if s.Queue == "" {
		here, err := startLocal(&s)
		if err != nil {
			return nil, false, err
		}
		defer here.close()
	}
	table, err := openTable(ctx, s.Database)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = table.close() }()
	queues, err := sqsClient(ctx, s)
	if err != nil {
		return nil, false, err
	}
	if sent, err = produce(ctx, queues, s); err != nil {
		return nil, sent, err
	}

	began := time.Now()
	crew := newCrew(s, stderr)
	defer crew.kill()
	for range 2 {
		if err := crew.start(ctx); err != nil {
			return nil, true, err
		}
	}
	if err := crew.watch(ctx, table, queues); err != nil {
		return nil, true, err
	}
	if err := crew.stop(); err != nil {
		return nil, true, err
	}
	result, err = check(ctx, s, table, queues, crew, time.Since(began))
	return result, true, err
}

func parse(args []string, stdout io.Writer) (settings, error) {
	s := settings{InvocationTimeout: localInvocationTimeout}
	fs := flag.NewFlagSet("pipeline", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are the caller's to print
	fs.Usage = func() {}
	fs.IntVar(&s.Orders, "orders", 5000, "send `N` orders")
	fs.StringVar(&s.Queue, "queue", "", "work off your queue, given by its `URL`")
	fs.StringVar(&s.Dead, "dead", "", "your dead-letter queue, given by its `URL`")
	fs.StringVar(&s.Function, "function", "", "invoke your function, given by its `NAME` or ARN")
	fs.DurationVar(&s.InvocationTimeout, "invocation-timeout", s.InvocationTimeout, "how long an invocation may take; little more than the function's own timeout")
	fs.BoolVar(&s.json, "json", false, "print one JSON object in place of the table")
	err := fs.Parse(args)
	switch given := s.Queue != ""; {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	case err != nil:
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; -h tells of the flags", fs.Arg(0))
	case given != (s.Dead != "") || given != (s.Function != ""):
		err = errors.New("-queue, -dead and -function go together; -h tells of the flags")
	case s.Orders < 1:
		err = fmt.Errorf("-orders %d: must be at least 1", s.Orders)
	case s.InvocationTimeout <= 0:
		err = fmt.Errorf("-invocation-timeout %v: must be more than 0", s.InvocationTimeout)
	case !given && s.InvocationTimeout > localVisibility:
		err = fmt.Errorf("-invocation-timeout %v: must be at most %v, the visibility timeout of the queue in this process", s.InvocationTimeout, localVisibility)
	}
	return s, err
}
