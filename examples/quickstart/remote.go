package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// credentialsTimeout is for credentials that come over the network. On a machine
// that has none the SDK looks for those of an EC2 instance in the end.
const credentialsTimeout = 15 * time.Second

// remote returns what makes targets of the user's own function. The credentials
// are retrieved now, so that missing ones are found before anything is sent.
func remote(ctx context.Context, function string) (open func() (*target, error), where string, err error) {
	// What goes wrong is said by the errors; warnings in between would break the bar.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, "", fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, "", errors.New("no AWS Region: set AWS_REGION, or a region in your AWS profile")
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, "", fmt.Errorf("no AWS credentials: %w", err)
	}
	open = func() (*target, error) { //nolint:unparam // the local one can fail
		m := &meter{}
		return &target{
			client:   lambda.NewFromConfig(cfg, m.install), // one for each run, for its retry quota
			function: function,
			counts:   m.counts,
			close:    func() {},
		}, nil
	}
	return open, fmt.Sprintf("%s in %s", function, cfg.Region), nil
}

// meter counts a client's attempts on the wire, which include those that the
// SDK's retries hide from the caller.
type meter struct {
	invocations, throttled atomic.Int64
}

func (m *meter) install(o *lambda.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		// Retries are a matter of the step before this one, so it runs for each attempt.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("quickstart.meter", m.attempt), middleware.Before)
	})
}

func (m *meter) attempt(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	m.invocations.Add(1)
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if response, ok := out.RawResponse.(*smithyhttp.Response); ok && response.StatusCode == http.StatusTooManyRequests {
		m.throttled.Add(1)
	}
	return out, metadata, err
}

func (m *meter) counts() (invocations, throttled int) {
	return int(m.invocations.Load()), int(m.throttled.Load())
}
