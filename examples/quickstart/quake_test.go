package main

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/lambdatest"
)

func TestEnergy(t *testing.T) {
	t.Parallel()
	assert.InEpsilon(t, 6.31e4, energy(0), 1e-3)
	assert.InEpsilon(t, 1.995e15, energy(7), 1e-3)
	assert.InEpsilon(t, 1000, energy(8)/energy(6), 1e-9, "two magnitudes are a thousandfold")
}

func TestDistance(t *testing.T) {
	t.Parallel()
	assert.Zero(t, distance(10, 20, 10, 20))
	assert.InDelta(t, 20_015.1, distance(0, 0, 0, 180), 0.1, "half around")
	assert.InDelta(t, 20_015.1, distance(90, 0, -90, 77), 0.1, "pole to pole")
	assert.InDelta(t, 111.2, distance(0, 179.5, 0, -179.5), 0.1, "over the date line")
	assert.InDelta(t, 559, distance(34.05, -118.24, 37.77, -122.42), 1, "Los Angeles to San Francisco")
}

func TestAssess(t *testing.T) {
	t.Parallel()
	got, err := assess([]byte(`{"id":"us1","mag":0,"lat":25.03,"lon":121.57,"place":"Taipei"}`))
	require.NoError(t, err)
	assert.Equal(t, assessment{ID: "us1", EnergyJoules: energy(0), NearestCity: "Taipei", DistanceKm: 0}, got)

	for _, other := range []string{`7`, `"x"`, `null`, `[]`, `{"mag":"high","lat":1,"lon":2}`, `{"mag":1,"lat":2}`} {
		got, err := assess([]byte(other))
		require.NoError(t, err)
		assert.IsType(t, fingerprint{}, got, other)
	}
	for _, wrong := range []string{`{"mag":99,"lat":1,"lon":2}`, `{"mag":1,"lat":-91,"lon":2}`, `{"mag":1,"lat":1,"lon":181}`} {
		_, err := assess([]byte(wrong))
		assert.Error(t, err, wrong)
	}
}

// The function understands both kinds of payload.
func TestHandle(t *testing.T) {
	t.Parallel()
	s := lambdatest.New()
	t.Cleanup(s.Close)
	s.Handle(localFunction, handle)
	invoke := func(payload string) *lambda.InvokeOutput {
		out, err := s.Client().Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(localFunction),
			Payload:      []byte(payload),
		})
		require.NoError(t, err)
		return out
	}

	const one = `{"bytes":1,"sha256":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}`
	assert.JSONEq(t, one, string(invoke(`1`).Payload))
	assert.NotNil(t, invoke(`{"mag":99,"lat":1,"lon":2}`).FunctionError)

	batch := invoke(`{"records":[{"id":"a","data":1},{"id":"b","data":{"mag":99,"lat":1,"lon":2}}]}`)
	assert.Nil(t, batch.FunctionError)
	var answer struct {
		Results []struct {
			ID, Status string
			Data       json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(batch.Payload, &answer))
	require.Len(t, answer.Results, 2)
	assert.Equal(t, "success", answer.Results[0].Status)
	assert.JSONEq(t, one, string(answer.Results[0].Data))
	assert.Equal(t, "failure", answer.Results[1].Status)
}
