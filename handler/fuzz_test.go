package handler_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lambdabatch/lambdabatch/handler"
)

// FuzzInvoke gives the handler anything: it must not panic, and a result must be of
// the record whose ID it has.
func FuzzInvoke(f *testing.F) {
	for _, payload := range []string{
		``, `null`, `[]`, `[1,"a"]`, `"a"`, `{"records":[]}`, `{"records":[{"id":"1","data":"a"},{"id":"2","data":"no"}]}`,
		`{"records":[{"id":"\u0031","data":1},{"id":"1","data":"panic"},{"id":"later","data":"later"}]}`,
		`{"Records":[{"messageId":"1","body":"a","eventSource":"aws:sqs"},{"messageId":"2","body":"no","eventSource":"aws:sqs"}]}`,
		`{"Records":[{"messageId":"1","body":"no","eventSource":"aws:sqs","eventSourceARN":".fifo","attributes":{"MessageGroupId":"g"}},` +
			`{"messageId":"2","body":"a","eventSource":"aws:sqs","eventSourceARN":".fifo","attributes":{"MessageGroupId":"g"}}]}`,
		`{"records":[{"id":"` + "\xff" + `","data":"a"}]}`, `{"Records":[null]}`, `{"records":{"id":"1"}}`,
	} {
		f.Add([]byte(payload), uint8(2))
	}
	f.Fuzz(func(t *testing.T, payload []byte, workers uint8) {
		// It answers with the ID that it was told, so that a mix-up shows.
		h := handler.New(func(ctx context.Context, in json.RawMessage) (string, error) {
			text := string(in)
			if strings.HasPrefix(text, `"no`) || strings.HasPrefix(text, `"later`) || strings.HasPrefix(text, `"panic`) {
				_, err := shout(ctx, strings.Trim(text, `"`))
				return "", err
			}
			return handler.ID(ctx), nil
		}, handler.Concurrency(1+int(workers%4)), quiet())
		response, err := h.Invoke(t.Context(), payload)
		if err != nil {
			return
		}
		if !json.Valid(response) {
			t.Fatalf("%q is answered by %q", payload, response)
		}
		var request struct{ Records []struct{ ID string } }
		var got struct {
			Results []struct{ ID, Status, Data string }
		}
		if !strings.HasPrefix(string(response), `{"results"`) || json.Unmarshal(payload, &request) != nil || json.Unmarshal(response, &got) != nil {
			return
		}
		for i, r := range got.Results {
			if i < len(request.Records) && len(got.Results) == len(request.Records) && r.ID != request.Records[i].ID {
				t.Fatalf("result %d of %q is of record %q", i, response, request.Records[i].ID)
			}
			if r.Status == "success" && strings.ToValidUTF8(r.Data, "\uFFFD") != strings.ToValidUTF8(r.ID, "\uFFFD") {
				t.Fatalf("record %q has the result of record %q", r.ID, r.Data)
			}
		}
	})
}
