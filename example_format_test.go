package lambdabatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/lambdabatch/lambdabatch"
	"github.com/lambdabatch/lambdabatch/lambdatest"
)

// S3Batch is the format of functions that were written for S3 Batch Operations:
// a task for each object, and for each a result code ("Invoke AWS Lambda function" in
// the S3 User Guide).
type S3Batch struct{ BucketARN string }

// Envelope is what stands around the tasks.
func (f S3Batch) Envelope() (opening, separator, closing string) {
	return `{"invocationSchemaVersion":"1.0","invocationId":"lambdabatch","job":{"id":"lambdabatch"},"tasks":[`, ",", "]}"
}

// AppendRecord appends a task. The record is the object's key.
func (f S3Batch) AppendRecord(dst []byte, id string, data json.RawMessage) ([]byte, error) {
	var key string
	if err := json.Unmarshal(data, &key); err != nil {
		return nil, errors.New("an S3 task is for the key of an object, a string")
	}
	task, err := json.Marshal(map[string]any{"taskId": id, "s3Key": key, "s3VersionId": nil, "s3BucketArn": f.BucketARN})
	return append(dst, task...), err
}

// ReadResponse reads the result codes.
func (f S3Batch) ReadResponse(payload []byte, results *lambdabatch.Results) error {
	var response struct {
		TreatMissingKeysAs string
		Results            []struct{ TaskID, ResultCode, ResultString string }
	}
	if err := json.Unmarshal(payload, &response); err != nil {
		return fmt.Errorf("the response is not that of an S3 batch function: %w", err)
	}
	for _, r := range response.Results {
		i, ok := results.Index([]byte(r.TaskID))
		if !ok {
			continue
		}
		refused := &lambdabatch.RecordError{ID: r.TaskID, Status: r.ResultCode, Message: r.ResultString}
		switch r.ResultCode {
		case "Succeeded":
			said, err := json.Marshal(r.ResultString)
			if err != nil {
				return err
			}
			results.Succeed(i, said)
		case "TemporaryFailure":
			refused.Retryable = true
			results.Retry(i, 0, refused)
		default: // PermanentFailure
			results.Fail(i, refused)
		}
	}
	return nil
}

// A format of one's own calls a function as it is.
func ExampleFormat() {
	service := lambdatest.New()
	defer service.Close()
	service.Handle("thumbnails", func(_ context.Context, payload []byte) ([]byte, error) {
		var request struct {
			Tasks []struct{ TaskID, S3Key string }
		}
		if err := json.Unmarshal(payload, &request); err != nil {
			return nil, err
		}
		var results []map[string]string
		for _, task := range request.Tasks {
			code, said := "Succeeded", strings.TrimSuffix(task.S3Key, ".png")+"-small.png"
			if !strings.HasSuffix(task.S3Key, ".png") {
				code, said = "PermanentFailure", "no picture"
			}
			results = append(results, map[string]string{"taskId": task.TaskID, "resultCode": code, "resultString": said})
		}
		return json.Marshal(map[string]any{"invocationSchemaVersion": "1.0", "treatMissingKeysAs": "PermanentFailure", "results": results})
	})

	thumbnails, err := lambdabatch.New[string, string](service.Client(), "thumbnails",
		lambdabatch.WithFormat(S3Batch{BucketARN: "arn:aws:s3:::pictures"}))
	if err != nil {
		log.Fatal(err)
	}
	defer thumbnails.Close()
	cat := thumbnails.Submit(context.Background(), "cat.png", lambdabatch.ID("1"))
	fmt.Println(cat.Await(context.Background()))
	fmt.Println(thumbnails.Do(context.Background(), "notes.txt", lambdabatch.ID("2")))
	// Output:
	// cat-small.png <nil>
	//  lambdabatch: record 2: the function answered "PermanentFailure": no picture
}
