package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// summary is what has come of it, and what -json prints.
type summary struct {
	OK      bool     `json:"ok"`
	Wrong   []string `json:"wrong,omitempty"`
	Orders  int      `json:"orders"`
	Priced  int      `json:"priced"`  // rows with a price
	Failed  int      `json:"failed"`  // rows with an error
	Again   int      `json:"again"`   // results that were written once more
	Letters int      `json:"letters"` // in the dead-letter queue
	Left    int      `json:"left"`    // in the queue
	Workers int      `json:"workers"` // processes, with the one that was killed
	Counts  counts   `json:"counts"`  // of a killed worker, what it last told
	Seconds float64  `json:"seconds"`
}

// check compares what is there with what was sent.
func check(ctx context.Context, s settings, t *table, queues *sqs.Client, c *crew, took time.Duration) (*summary, error) {
	have, err := t.count(ctx)
	if err != nil {
		return nil, err
	}
	sum := &summary{
		Orders: s.Orders, Priced: have.priced, Failed: have.failed, Again: have.again,
		Workers: len(c.members), Counts: c.total(), Seconds: took.Seconds(),
	}
	if sum.Left, err = depth(ctx, queues, s.Queue); err != nil {
		return nil, err
	}
	if sum.Letters, err = depth(ctx, queues, s.Dead); err != nil {
		return nil, err
	}
	bad := 0
	for n := range s.Orders {
		if _, good := makeOrder(n); !good {
			bad++
		}
	}
	want := func(ok bool, format string, args ...any) {
		if !ok {
			sum.Wrong = append(sum.Wrong, fmt.Sprintf(format, args...))
		}
	}
	want(sum.Priced+sum.Failed == s.Orders, "%d orders have %d rows", s.Orders, sum.Priced+sum.Failed)
	if s.SQS != "" { // your function knows nothing of our poison
		want(sum.Failed == bad, "%d orders have failed, not %d", sum.Failed, bad)
	}
	want(sum.Letters >= sum.Failed, "%d orders have failed, but there are %d dead letters", sum.Failed, sum.Letters)
	want(sum.Left == 0, "%d messages are left in the queue", sum.Left)
	sum.OK = len(sum.Wrong) == 0
	return sum, nil
}

func (s *summary) write(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, line := range []struct {
		name  string
		value any
	}{
		{"orders", s.Orders},
		{"priced", s.Priced},
		{"failed, in the dead-letter queue", s.Letters},
		{"left in the queue", s.Left},
		{"results written once more", s.Again},
		{"invocations", s.Counts.Invocations},
		{"throttled", s.Counts.Throttled},
		{"seconds", fmt.Sprintf("%.1f", s.Seconds)},
	} {
		fmt.Fprintf(w, "%s\t%v\n", line.name, line.value)
	}
	for _, wrong := range s.Wrong {
		fmt.Fprintf(w, "WRONG\t%s\n", wrong)
	}
	if s.OK {
		fmt.Fprintln(w, "each order has exactly one row\tok")
	}
	return w.Flush()
}
