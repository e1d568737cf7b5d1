package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPool(t *testing.T) {
	t.Parallel()
	for i, r := range newPool() {
		var o order
		d := json.NewDecoder(bytes.NewReader(r.data))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			t.Fatal(err)
		}
		if len(r.data) != recordSize || o.Number != r.number || r.number != firstNumber+uint64(i) || number(digits(r.data)) != r.number {
			t.Fatalf("record %d: %d %s", i, r.number, r.data)
		}
		if o.Item == "" || o.Note == "" || o.Count == 0 || o.Cents == 0 || !o.Gift {
			t.Fatalf("a field is missing: %s", r.data)
		}
		marshalled, err := json.Marshal(json.RawMessage(r.data))
		if err != nil || !bytes.Equal(marshalled, r.data) {
			t.Fatalf("encoding/json changes it: %s, %v", marshalled, err)
		}
	}
}
