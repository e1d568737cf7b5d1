package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/lambdabatch/lambdabatch/lambdatest"
	"github.com/lambdabatch/lambdabatch/sqsbatch/sqstest"
)

const (
	localVisibility        = 6 * time.Second
	localInvocationTimeout = 5 * time.Second
	localFunction          = "price-orders"
)

// local is SQS and Lambda in this process, on loopback ports.
type local struct {
	sqs    *sqstest.Service
	lambda *lambdatest.Service
	server *http.Server
}

func startLocal(s *settings) (*local, error) {
	l := &local{sqs: sqstest.New(), lambda: lambdatest.New(lambdatest.RequestRate(100, 20), lambdatest.AccountConcurrency(10))}
	dead := l.sqs.Queue("orders-dead")
	s.Queue, s.Dead = l.sqs.Queue("orders", sqstest.VisibilityTimeout(localVisibility)).URL(), dead.URL()
	l.lambda.Handle(localFunction, priceOrders)
	functions, err := l.lambda.Listen("")
	if err != nil {
		return nil, err
	}
	s.Lambda, s.Function = functions.URL, localFunction
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		l.lambda.Close()
		return nil, err
	}
	s.SQS = "http://" + listener.Addr().String()
	l.server = &http.Server{Handler: l.sqs, ReadHeaderTimeout: time.Minute}
	go func() { _ = l.server.Serve(listener) }() // until close
	return l, nil
}

func (l *local) close() {
	l.sqs.Close()
	_ = l.server.Close()
	l.lambda.Close()
}

// priceOrders is the function. It takes 20 ms for a batch, and half a second for one with something custom.
func priceOrders(ctx context.Context, payload []byte) ([]byte, error) {
	took := 20 * time.Millisecond
	one := lambdatest.PerRecord(func(_ context.Context, _ string, data json.RawMessage) (any, error) {
		var o order
		if err := json.Unmarshal(data, &o); err != nil {
			return nil, err
		}
		switch o.Item {
		case itemCrash:
			panic("poison")
		case itemRefused:
			return nil, errors.New("there are no unicorns")
		case itemSlow:
			took = 500 * time.Millisecond
		}
		return price{Cents: 350 * o.Count}, nil
	})
	answer, err := one(ctx, payload)
	select {
	case <-time.After(took):
	case <-ctx.Done():
	}
	return answer, err
}
