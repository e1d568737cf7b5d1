package function

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// TestAnswer reads with encoding/json what the function writes.
func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, size := range []int{orders.Size, 1 << 10, 10 << 10} {
		for _, count := range []int{1, 7} {
			records := orders.Pool(count, size)
			seen := 0
			out, n, err := Answer(Request(records), size, func(uint64) { seen++ })
			if err != nil {
				t.Fatal(err)
			}
			if n != count || seen != count || count > 1 && cap(out) > len(out)+len(out)/2+100 {
				t.Errorf("%d records, %d seen, %d of %d bytes", n, seen, len(out), cap(out))
			}
			var got struct {
				Results []struct {
					ID, Status string
					Data       json.RawMessage
				}
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if len(got.Results) != len(records) {
				t.Fatalf("%d results", len(got.Results))
			}
			for i, r := range got.Results {
				if r.ID != fmt.Sprintf("%017d", records[i].Number) || r.Status != "success" ||
					string(r.Data) != string(orders.AppendResult(nil, records[i].Data)) {
					t.Errorf("%d: %+v", i, r)
				}
			}
		}
	}
}

func TestAnswerRefuses(t *testing.T) {
	t.Parallel()
	good := string(Request(orders.Pool(2, orders.Size)))
	for _, in := range []string{
		"", "{}", requestOpen, requestOpen + requestClose, good[:len(good)-1], good + " ", good[:100], good[:15] + good[20:],
		good[:len(good)-10] + good[len(good)-8:], "x" + good[1:],
	} {
		if out, _, err := Answer([]byte(in), orders.Size, nil); err == nil {
			t.Errorf("%s: %s", in, out)
		}
	}
}
