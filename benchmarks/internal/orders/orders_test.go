package orders

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPool(t *testing.T) {
	t.Parallel()
	for _, size := range []int{Size, 1 << 10, 100 << 10} {
		for i, r := range Pool(20, size) {
			var o Order
			d := json.NewDecoder(bytes.NewReader(r.Data))
			d.DisallowUnknownFields()
			if err := d.Decode(&o); err != nil {
				t.Fatal(err)
			}
			if len(r.Data) != size || o.Number != r.Number || r.Number != First+uint64(i) || Number(Digits(r.Data)) != r.Number {
				t.Fatalf("record %d: %d %s", i, r.Number, r.Data)
			}
			if o.Item == "" || o.Note == "" || o.Count == 0 || o.Cents == 0 || !o.Gift {
				t.Fatalf("a field is missing: %s", r.Data)
			}
			marshalled, err := json.Marshal(json.RawMessage(r.Data))
			if err != nil || !bytes.Equal(marshalled, r.Data) {
				t.Fatalf("encoding/json changes it: %s, %v", marshalled, err)
			}
			got := AppendResult(nil, r.Data)
			if size == Size && !bytes.Equal(got, r.Data) {
				t.Fatalf("the result is not what came: %s", got)
			}
			var back Order
			if err := json.Unmarshal(got, &back); err != nil || back.Number != r.Number || len(got) != Size {
				t.Fatalf("%v: %s", err, got)
			}
		}
	}
}
