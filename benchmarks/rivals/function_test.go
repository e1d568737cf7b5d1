package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestFunction reads with encoding/json what the function writes.
func TestFunction(t *testing.T) {
	t.Parallel()
	records := newPool()[:7]
	s := &sink{}
	f := &function{s}
	out, err := f.Invoke(t.Context(), &lambda.InvokeInput{Payload: request(records)})
	if err != nil {
		t.Fatal(err)
	}
	var got responseBody
	if err := json.Unmarshal(out.Payload, &got); err != nil {
		t.Fatalf("%v in %s", err, out.Payload)
	}
	if len(got.Results) != len(records) || s.handled.Load() != 7 || s.batches.Load() != 1 {
		t.Fatalf("%d results", len(got.Results))
	}
	for i, r := range got.Results {
		if r.ID != fmt.Sprintf("%017d", records[i].number) || r.Status != "success" || string(r.Data) != string(records[i].data) {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

func TestFunctionRefuses(t *testing.T) {
	t.Parallel()
	good := string(request(newPool()[:2]))
	for _, in := range []string{
		"", "{}", requestOpen, requestOpen + requestClose, good[:len(good)-1], good + " ", good[:100], good[:15] + good[20:],
		good[:len(good)-10] + good[len(good)-8:], "x" + good[1:],
	} {
		f := &function{&sink{}}
		if out, err := f.Invoke(t.Context(), &lambda.InvokeInput{Payload: []byte(in)}); err == nil {
			t.Errorf("%s: %s", in, out.Payload)
		}
	}
}
