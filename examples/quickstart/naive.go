package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const workers = 20

// naive is the way it was: each record travels alone, and the SDK retries as it
// does by default, three attempts with some sleep in between.
func naive(ctx context.Context, t *target, records []json.RawMessage, outcomes *tally) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(records) {
					return
				}
				outcomes.add(ctx, invoke(ctx, t, records[i]))
			}
		})
	}
	running.Wait()
}

// invoke sends one record. A function that failed has answered, too, with status
// 200: only FunctionError tells.
func invoke(ctx context.Context, t *target, record json.RawMessage) error {
	out, err := t.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &t.function, Payload: record})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		return fmt.Errorf("function error %s: %s", aws.ToString(out.FunctionError), out.Payload)
	}
	return nil
}
