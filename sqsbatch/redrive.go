package sqsbatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lambdabatch/lambdabatch"
)

// Letter is a message or a record that has failed for good, as [Redrive] finds it.
type Letter struct {
	// Message is the one in the dead-letter queue, with the ID that it had where it comes from. Of a record in a file there are the ID, and the
	// record's data as the body.
	Message

	Error string // why it failed; empty if that is not known
	Ended time.Time

	key  string // what its source knows it by
	data bool   // the body is what the Batcher made of an In
}

// Letters is where dead letters are: [DeadLetterQueue] or [DeadLetterFile].
type Letters interface {
	// validate finds what is wrong with the source without a call.
	validate() error
	// read holds all letters and returns them, in the order in which they came. It may return some with an error.
	read(ctx context.Context) ([]Letter, error)
	// holds tells whether nobody else can have the letter.
	holds(l Letter) bool
	// remove takes a letter away for good.
	remove(ctx context.Context, l Letter) error
	// close lets go of those that are left, and gives an error if something of that failed.
	close(ctx context.Context) error
}

// LetterGroup is letters that failed in the same way.
type LetterGroup struct {
	Error string `json:"error"` // with … in place of what differs: IDs and numbers; without how often it was tried
	Count int    `json:"count"`
}

// RedriveReport is what [Redrive] has found and done.
type RedriveReport struct {
	Found     int           `json:"found"`  // letters
	Groups    []LetterGroup `json:"groups"` // of all that were found, the largest first
	Chosen    int           `json:"chosen"` // by the filter; these are submitted, unless RedriveNothing says otherwise
	Succeeded int           `json:"succeeded"`
	Failed    int           `json:"failed"`             // once more; they stay
	Failures  []LetterGroup `json:"failures,omitempty"` // why those failed this time, the largest group first
	Removed   int           `json:"removed"`
}

// RedriveOption is a setting of [Redrive].
type RedriveOption interface{ applyRedrive(*redrive) }

type redriveOptionFunc func(*redrive)

func (f redriveOptionFunc) applyRedrive(r *redrive) { f(r) }

type redrive struct {
	choose    func(Letter) bool
	perSecond float64
	progress  func(RedriveReport)
	dry       bool
	decode    any
	result    any
}

// errGroupFailed is the error of a letter that was not submitted.
var errGroupFailed = errors.New("sqsbatch: an earlier letter of its group has failed")

// validate finds all that is wrong at once.
func (r *redrive) validate(from Letters) error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("sqsbatch: "+format, args...))
		}
	}
	check(r.perSecond > 0, "RedrivePace(%v): must be more than 0", r.perSecond)
	check(r.choose != nil, "RedriveOnly(nil): must not be nil; leave the option out for all letters")
	check(r.progress != nil, "RedriveProgress(nil): must not be nil; leave the option out for none")
	check(from != nil, "Redrive: letters: must not be nil; use DeadLetterQueue or DeadLetterFile")
	if from != nil {
		errs = append(errs, from.validate())
	}
	return errors.Join(errs...)
}

// RedriveOnly sets which letters are submitted again. Default: all.
func RedriveOnly(f func(Letter) bool) RedriveOption {
	return redriveOptionFunc(func(r *redrive) { r.choose = f })
}

// RedrivePace sets how many letters are submitted in a second. The Batcher's limiter counts on top of it. Default: 10.
func RedrivePace(perSecond float64) RedriveOption {
	return redriveOptionFunc(func(r *redrive) { r.perSecond = perSecond })
}

// RedriveProgress sets what is called with the report so far: once before the first letter is submitted, and after each outcome, one call at a time. Default: nothing.
func RedriveProgress(f func(RedriveReport)) RedriveOption {
	return redriveOptionFunc(func(r *redrive) { r.progress = f })
}

// RedriveNothing only looks: no letter is submitted. In a queue each look counts as a receive of every letter.
func RedriveNothing() RedriveOption { return redriveOptionFunc(func(r *redrive) { r.dry = true }) }

// RedriveResult sets what is called with the value of each letter that succeeds, as [WithResult] does. If it returns an error the letter stays.
// Default: nothing.
func RedriveResult[Out any](f func(ctx context.Context, l Letter, out Out) error) RedriveOption {
	return redriveOptionFunc(func(r *redrive) { r.result = f })
}

// RedriveDecode sets how a message becomes a record's value, as [WithDecode] does. It is not used for letters of a file, which are records.
func RedriveDecode[In any](f func(m Message) (In, error)) RedriveOption {
	return redriveOptionFunc(func(r *redrive) { r.decode = f })
}

// Redrive reads dead letters, submits those of a filter to batcher again, and removes the ones that succeed. All others stay where they are. It returns when each letter that it has
// chosen has an outcome, or ctx has ended. Those of a group are submitted one after the other, and after one that fails the rest of its group stays.
//
// Nobody else should work on the same letters meanwhile: the file is rewritten at the end, and letters of a queue are hidden until then. A letter whose visibility is lost all the same is not submitted any more, and counts as failed.
// The Batcher must be a RequestResponse one: of an Event nobody knows whether it has succeeded.
func Redrive[In, Out any](ctx context.Context, from Letters, batcher *lambdabatch.Batcher[In, Out], opts ...RedriveOption) (report RedriveReport, err error) {
	r := redrive{choose: func(Letter) bool { return true }, perSecond: 10, progress: func(RedriveReport) {}}
	for _, o := range opts {
		if o != nil {
			o.applyRedrive(&r)
		}
	}
	decode, noDecode := decoderOf[In]("RedriveDecode", r.decode)
	result, noResult := functionOf[func(context.Context, Letter, Out) error]("RedriveResult", "none", r.result)
	if err := errors.Join(r.validate(from), fitFor(batcher, "Redrive: "), noDecode, noResult); err != nil {
		return report, err
	}
	letters, err := from.read(ctx)
	defer func() {
		// What is held must go back, even when ctx has ended.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*callTimeout)
		defer cancel()
		err = errors.Join(err, from.close(closing))
	}()
	if err != nil {
		return report, err
	}
	found := map[string]int{}
	for _, l := range letters {
		found[kindOf(l.ID, l.Error)]++
	}
	report.Found, report.Groups = len(letters), groupsOf(found)
	chosen := slices.DeleteFunc(letters, func(l Letter) bool { return !r.choose(l) })
	report.Chosen = len(chosen)
	r.progress(report)
	if r.dry {
		return report, nil
	}

	var mu sync.Mutex // protects following, and report
	var errs []error
	failed := map[string]bool{} // groups
	kinds := map[string]int{}   // of failures
	one := func(l Letter) {
		outcome, removed := errExited, error(nil) // unless user code ends this goroutine
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case outcome != nil:
				report.Failed++
				failed[l.Group] = true
				kinds[kindOf(l.ID, outcome.Error())]++
				report.Failures = groupsOf(kinds)
			case removed != nil:
				report.Succeeded++
				errs = append(errs, fmt.Errorf("sqsbatch: letter %s has succeeded, but cannot be removed: %w", l.ID, removed))
			default:
				report.Succeeded++
				report.Removed++
			}
			r.progress(report)
		}()
		mu.Lock()
		held := l.Group != "" && failed[l.Group]
		mu.Unlock()
		switch {
		case held:
			outcome = errGroupFailed
		case !from.holds(l):
			outcome = ErrVisibilityLost
		default:
			outcome = resubmit(ctx, batcher, l, decode, result)
		}
		if outcome == nil {
			removed = from.remove(ctx, l)
		}
	}
	pace := time.NewTicker(max(time.Duration(min(float64(time.Second)/r.perSecond, float64(maxVisibility))), 1))
	defer pace.Stop()
	var working sync.WaitGroup
	for i, l := range chosen {
		if i > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			break
		}
		if l.Group != "" {
			one(l)
		} else {
			working.Go(func() { one(l) })
		}
	}
	working.Wait()
	return report, errors.Join(append(errs, ctx.Err())...)
}

// resubmit brings one letter through the Batcher.
func resubmit[In, Out any](ctx context.Context, batcher *lambdabatch.Batcher[In, Out], l Letter, decode func(Message) (In, error), result func(context.Context, Letter, Out) error) error {
	var in In
	err := guard("the decode function", func() (err error) {
		if l.data {
			return json.Unmarshal([]byte(l.Body), &in)
		}
		in, err = decode(l.Message)
		return err
	})
	if err != nil {
		return &DecodeError{l.ID, err}
	}
	out, err := batcher.Do(ctx, in, lambdabatch.ID(l.ID))
	if err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	return guard("the result function", func() error { return result(ctx, l, out) })
}

// groupsOf sorts the kinds of errors by how many there are of each.
func groupsOf(counts map[string]int) []LetterGroup {
	groups := make([]LetterGroup, 0, len(counts))
	for text, n := range counts {
		groups = append(groups, LetterGroup{text, n})
	}
	slices.SortFunc(groups, func(a, b LetterGroup) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Error, b.Error)) })
	return groups
}

// differing is what makes the errors of two letters differ that failed in the same way.
var differing = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|0x[0-9A-Fa-f]+|[0-9]+`)

// attempts is how the Batcher says after how many of them it gave up.
var attempts = regexp.MustCompile(`^lambdabatch: the last of … attempts? failed: `)

// kindOf is the error of a letter without what is its own.
func kindOf(id, text string) string {
	if text == "" {
		return "unknown"
	}
	if id != "" {
		text = strings.ReplaceAll(text, id, "…")
	}
	return attempts.ReplaceAllString(differing.ReplaceAllString(text, "…"), "")
}
