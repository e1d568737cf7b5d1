// Command quickstart shows what lambdabatch is for: it sends the same records to
// a Lambda function twice, first with one Invoke per record, then through a
// Batcher, and prints both runs side by side. Run it with -h for its flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

// The exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // a record failed in the Batcher's run
	exitUsage       = 2   // nothing was sent: wrong flags, input or credentials
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

const usage = `usage: quickstart [flags]

Sends the records of a file, one JSON value per line, to a Lambda function:
first with one Invoke per record from 20 workers, as a program without a
batcher would, then through lambdabatch. At the end both stand side by side.

Without -function a Lambda of its own starts on a loopback port, with 10
invocations a second and a reserved concurrency of 100. How many invocations
the bucket behind a rate holds AWS does not publish; 20 is our assumption.

With -function the records go to your function, with the credentials and the
Region of your AWS configuration, and you pay for it. Each record is sent
twice, so the function must bear that, and it must understand both a bare
record and {"records":[{"id":"1","data":RECORD},…]}. See README.md.

Exit code: 0 all records of the Batcher's run succeeded, 1 some did not,
2 nothing was sent (flags, input, credentials), 130 interrupted.

`

// settings is what the flags say.
type settings struct {
	in        string // a path, - for standard input, empty for the bundled records
	function  string // empty for the loopback Lambda
	linger    time.Duration
	skipNaive bool
	json      bool
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the order of events. All that can be wrong with the flags, the input
// and the credentials is found before the first record is sent.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return refuse(stderr, fmt.Errorf("%w; -h tells of the flags", err))
	}
	in, err := readInput(s.in, stdin)
	if err != nil {
		return refuse(stderr, err)
	}

	// Only now: reading standard input does not heed a context.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second Ctrl-C ends the program at once

	c, err := newComparison(ctx, s, newProgress(stderr))
	if err != nil {
		return refuse(stderr, err)
	}
	defer c.close()
	fmt.Fprintf(stderr, "%d records of %s to %s\n", len(in.records), in.name, c.where)

	r := c.run(ctx, in)
	if err := r.write(stdout, stderr, s.json); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return exitFailed
	}
	switch {
	case r.Interrupted:
		return exitInterrupted
	case r.Batcher.Succeeded != r.Records:
		return exitFailed
	default:
		return exitOK
	}
}

// refuse tells what is wrong, in one line.
func refuse(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "quickstart:", oneLine(err))
	return exitUsage
}

// oneLine is the text of an error that may be several errors joined.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func parse(args []string, stdout io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are the caller's to print
	fs.Usage = func() {}
	fs.Func("in", "read the records from `FILE`, - for standard input (default: the bundled earthquakes)", notEmpty(&s.in))
	fs.Func("function", "invoke your function, given by its `NAME` or ARN (default: the loopback Lambda)", notEmpty(&s.function))
	fs.DurationVar(&s.linger, "linger", 5*time.Second,
		"how long a record waits for the batch of 20 to fill, at the most;\nat the end of the input nothing waits any more")
	fs.BoolVar(&s.skipNaive, "skip-naive", false, "leave out the run with one Invoke per record")
	fs.BoolVar(&s.json, "json", false, "print one JSON object in place of the table")
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	}
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return s, err
}

// notEmpty takes a flag's value. An empty one is most likely a shell variable
// that is not set, and must not stand for the default.
func notEmpty(to *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("must not be empty")
		}
		*to = value
		return nil
	}
}
