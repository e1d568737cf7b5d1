package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

//go:embed earthquakes.ndjson
var earthquakes []byte

// maxRecord is the most that fits into an invocation: Lambda takes 6 MiB, of
// which the envelope and the ID around a single record need less than 128 bytes.
const maxRecord = 6<<20 - 128

// input is the records to send, all of them checked.
type input struct {
	name    string
	records []json.RawMessage
}

// readInput reads all records before any is sent, so that a mistake in the last
// line does not leave half of a file processed.
func readInput(path string, stdin io.Reader) (*input, error) {
	switch path {
	case "":
		return readRecords("earthquakes.ndjson (bundled)", bytes.NewReader(earthquakes))
	case "-":
		return readRecords("stdin", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readRecords(path, f)
}

// readRecords takes each line for a record. Blank lines, CRLF and a byte order
// mark do no harm, and lines may be of any length, which bufio.Scanner would not have.
func readRecords(name string, from io.Reader) (*input, error) {
	in := &input{name: name}
	lines := bufio.NewReaderSize(from, 64<<10)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := check(line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, number, err)
			}
			in.records = append(in.records, line)
		}
		if err != nil {
			break
		}
	}
	if len(in.records) == 0 {
		return nil, fmt.Errorf("%s: no records", name)
	}
	return in, nil
}

func check(line []byte) error {
	var value json.RawMessage
	if err := json.Unmarshal(line, &value); err != nil {
		return fmt.Errorf("not JSON: %w (each line must be one whole JSON value)", err)
	}
	if !utf8.Valid(line) {
		return errors.New("not UTF-8")
	}
	if len(line) > maxRecord {
		return fmt.Errorf("the record has %d bytes, more than the %d that fit into an invocation", len(line), maxRecord)
	}
	return nil
}
