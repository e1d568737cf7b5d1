// Command redrive shows what is in a dead-letter queue, or in a file of dead
// letters, by what went wrong, and submits a part of it again. What succeeds then
// is removed. Run it with -h for its flags.
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
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/term"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/sqsbatch"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // letters have failed once more, or it was interrupted
	exitUsage  = 2 // nothing was submitted
)

const usage = `usage: redrive -queue URL | -file PATH [-function NAME] [flags]

Shows the dead letters of a queue or a file, grouped by error. With -function
those whose error contains the text of -error are submitted to that function
again, and removed when they succeed. Nothing else changes.

Endpoints other than AWS's: AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_LAMBDA.

Exit code: 0 all is well, 1 some have failed once more or it was interrupted, 2 wrong
flags or no access.

`

type settings struct {
	queue, file, function, only string
	pace                        float64
	hold                        time.Duration
	json                        bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)) //nolint:gocritic // the process ends
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var report sqsbatch.RedriveReport
	if err == nil {
		report, err = redrive(ctx, s, stderr)
	}
	if err != nil && report.Found == 0 && ctx.Err() == nil {
		fmt.Fprintln(stderr, "redrive:", err)
		return exitUsage
	}
	if s.json {
		err = errors.Join(err, json.NewEncoder(stdout).Encode(report))
	} else {
		show(stdout, report, s.function != "")
	}
	if err != nil {
		fmt.Fprintln(stderr, "redrive:", err)
		return exitFailed
	}
	if report.Failed > 0 {
		return exitFailed
	}
	return exitOK
}

func redrive(ctx context.Context, s settings, stderr io.Writer) (sqsbatch.RedriveReport, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return sqsbatch.RedriveReport{}, err
	}
	letters := sqsbatch.DeadLetterFile(s.file)
	if s.queue != "" {
		letters = sqsbatch.DeadLetterQueue(sqs.NewFromConfig(cfg), s.queue, s.hold)
	}
	opts := []sqsbatch.RedriveOption{
		sqsbatch.RedrivePace(s.pace),
		sqsbatch.RedriveOnly(func(l sqsbatch.Letter) bool { return strings.Contains(l.Error, s.only) }),
	}
	function := s.function
	if function == "" {
		function = "none" // it is not invoked
		opts = append(opts, sqsbatch.RedriveNothing())
	} else if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		defer fmt.Fprintln(stderr)
		opts = append(opts, sqsbatch.RedriveProgress(func(r sqsbatch.RedriveReport) { bar(stderr, r) }))
	}
	b, err := lambdabatch.New[json.RawMessage, json.RawMessage](lambda.NewFromConfig(cfg), function, lambdabatch.WithLinger(200*time.Millisecond))
	if err != nil {
		return sqsbatch.RedriveReport{}, err
	}
	defer b.Close()
	return sqsbatch.Redrive(ctx, letters, b, opts...)
}

// bar shows how far it is.
func bar(to io.Writer, r sqsbatch.RedriveReport) {
	const width = 40
	done := r.Succeeded + r.Failed
	full := width
	if r.Chosen > 0 {
		full = width * done / r.Chosen
	}
	fmt.Fprintf(to, "\r[%s%s] %d of %d, %d failed", strings.Repeat("#", full), strings.Repeat(".", width-full), done, r.Chosen, r.Failed)
}

func show(to io.Writer, r sqsbatch.RedriveReport, submitted bool) {
	fmt.Fprintf(to, "%d dead letters\n", r.Found)
	for _, g := range r.Groups {
		fmt.Fprintf(to, "%7d  %s\n", g.Count, g.Error)
	}
	if submitted {
		fmt.Fprintf(to, "submitted %d: %d succeeded, %d failed, %d removed\n", r.Chosen, r.Succeeded, r.Failed, r.Removed)
		for _, g := range r.Failures {
			fmt.Fprintf(to, "%7d  %s\n", g.Count, g.Error)
		}
	}
}

func parse(args []string, stdout io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("redrive", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are the caller's to print
	fs.Usage = func() {}
	fs.StringVar(&s.queue, "queue", "", "read the dead-letter queue with this `URL`")
	fs.StringVar(&s.file, "file", "", "read the dead letters in the file at this `PATH`")
	fs.StringVar(&s.function, "function", "", "submit to the function of this `NAME` or ARN (default: only look)")
	fs.StringVar(&s.only, "error", "", "submit only what has failed with this `TEXT` in its error (default: all)")
	fs.Float64Var(&s.pace, "pace", 10, "submit `N` letters a second")
	fs.DurationVar(&s.hold, "hold", 10*time.Minute, "hide the letters of the queue from others for this long if this process dies, in whole seconds")
	fs.BoolVar(&s.json, "json", false, "print one JSON object in place of the list")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		fs.SetOutput(stdout)
		fs.PrintDefaults()
	case err != nil:
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; -h tells of the flags", fs.Arg(0))
	case (s.queue == "") == (s.file == ""):
		err = errors.New("either -queue or -file must be given; -h tells of the flags")
	case !(s.pace > 0):
		err = fmt.Errorf("-pace %v: must be more than 0", s.pace)
	case s.file != "" && isSet(fs, "hold"):
		err = errors.New("-hold: is for -queue; a file hides nothing")
	case s.hold < time.Second || s.hold > 12*time.Hour || s.hold%time.Second != 0:
		err = fmt.Errorf("-hold %v: must be whole seconds, from 1s to 12h", s.hold)
	}
	return s, err
}

// isSet tells whether a flag was given.
func isSet(fs *flag.FlagSet, name string) (set bool) {
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
