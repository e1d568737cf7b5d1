package lambdabatch_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	client := newService(t).Client()
	assert.Equal(t, lambdabatch.Settings{
		Function: upper, InvocationType: types.InvocationTypeRequestResponse, MaxRecords: 20, Linger: 10 * time.Millisecond,
		MaxBuffered: 10_000, InvocationTimeout: 15*time.Minute + 15*time.Second,
	}, newBatcher(t, client).Settings())
	assert.Equal(t, lambdabatch.Settings{
		Function: upper, InvocationType: types.InvocationTypeEvent, MaxRecords: 7, Linger: time.Second, MaxBuffered: 8, InvocationTimeout: time.Minute,
	}, newBatcher(t, client,
		lambdabatch.WithInvocationType(types.InvocationTypeEvent), lambdabatch.WithMaxRecords(7), lambdabatch.WithLinger(time.Second),
		lambdabatch.WithMaxBuffered(8, 1<<20), lambdabatch.WithInvocationTimeout(time.Minute)).Settings())
}
