package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// process is the server, seen from outside.
type process struct {
	command *exec.Cmd
	ask     io.WriteCloser // its standard input: closing it ends it, and so does our own end
	answers *json.Decoder

	url   string
	roots *x509.CertPool
}

// start starts this very program anew, as the server.
func start(settings serverSettings) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.CommandContext(context.Background(), self), roots: x509.NewCertPool()} //nolint:gosec // it is ourselves
	p.command.Env = append(os.Environ(), serverEnv+"="+string(value))
	p.command.Stderr = os.Stderr
	if p.ask, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.answers = json.NewDecoder(out)
	if err := p.greet(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the server: %w", err), p.stop())
	}
	return p, nil
}

func (p *process) greet() error {
	var h hello
	if err := p.answers.Decode(&h); err != nil {
		return err
	}
	certificate, err := x509.ParseCertificate(h.Certificate)
	if err != nil {
		return err
	}
	p.url = "https://" + h.Address
	p.roots.AddCert(certificate)
	return nil
}

// tally asks what the server has done so far.
func (p *process) tally() (tally, error) {
	var t tally
	if _, err := io.WriteString(p.ask, "\n"); err != nil {
		return t, err
	}
	return t, p.answers.Decode(&t)
}

func (p *process) stop() error {
	_ = p.ask.Close()
	return p.command.Wait()
}
