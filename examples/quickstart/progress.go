package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 2 * time.Second
)

// progress shows how a run goes: a bar that is drawn over and over on a
// terminal, and a line from time to time elsewhere.
type progress struct {
	to    io.Writer
	width func() int // of the terminal; nil: there is none
}

func newProgress(to io.Writer) *progress {
	p := &progress{to: to}
	f, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return p
	}
	p.width = func() int { // asked each time: the window may change
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
		return 80
	}
	return p
}

// watch shows what now returns until stop is called with the last of it.
func (p *progress) watch(label string, total int, now func() result) (stop func(result)) {
	every := lineEvery
	if p.width != nil {
		every = redrawEvery
		p.bar(label, total, now())
	}
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.show(label, total, now())
			case <-stopped:
				return
			}
		}
	}()
	return func(last result) {
		close(stopped)
		<-done
		p.show(label, total, last)
		if p.width != nil {
			fmt.Fprintln(p.to)
		}
	}
}

func (p *progress) show(label string, total int, r result) {
	if p.width != nil {
		p.bar(label, total, r)
		return
	}
	fmt.Fprintf(p.to, "%s: %s\n", label, inWords(total, r))
}

func (p *progress) bar(label string, total int, r result) {
	fmt.Fprint(p.to, "\r"+draw(label, total, r, p.width()-1)) // the last column would wrap
}

// inWords leaves some room for a bar on a terminal of 80 columns.
func inWords(total int, r result) string {
	return fmt.Sprintf("%d/%d, %d failed, %d invocations, %d throttled, %.1f s",
		r.Succeeded+r.Failed, total, r.Failed, r.Invocations, r.Throttled, r.Seconds)
}

// draw makes one line of exactly so many columns, which covers the line before.
func draw(label string, total int, r result, columns int) string {
	const narrowest, widest = 5, 30
	text := inWords(total, r)
	line := label + " "
	if room := min(widest, columns-utf8.RuneCountInString(line+" "+text)); room >= narrowest {
		full := room * (r.Succeeded + r.Failed) / total
		line += strings.Repeat("█", full) + strings.Repeat("░", room-full) + " "
	}
	runes := []rune(line + text)
	if len(runes) > columns {
		return string(runes[:max(columns, 0)])
	}
	return string(runes) + strings.Repeat(" ", columns-len(runes))
}
