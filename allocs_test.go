//go:build !race

package lambdabatch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The race detector allocates, too, and has sync.Pool forget some of what it is given. So
// these tests are in the runs without it.

// What a record may allocate from Submit to Await, the share of its batch's in it.
func TestAllocations(t *testing.T) {
	const records = 10_000
	require.Len(t, parcel200, 200)
	for batch, most := range map[int]float64{20: 1.5, 100: 1} {
		b := newEngine(t, batch)
		n := testing.AllocsPerRun(5, func() { push(t, b, text200, records, 1) })
		assert.LessOrEqual(t, n/records, most, "the engine, %d in a batch", batch)
		require.NoError(t, b.Close())
	}
	b := newWhole(t, 100)
	n := testing.AllocsPerRun(5, func() { push(t, b, parcel200, records, 1) })
	assert.LessOrEqual(t, n/records, 3.0, "all the way, 100 in a batch")
	require.NoError(t, b.Close())
}
