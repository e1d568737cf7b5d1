package main

import (
	"runtime"
	"time"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/build"
)

// row is one of those that are compared.
type row struct {
	name   string
	module string // whose version counts; "" if it is written here
	does   string // and what it does not
	start  func(*course) (run, error)
}

// run pushes all records of a course through a batcher, and returns when each has been
// handled and its result was checked. It is what the clock is for.
type run func() error

// course is what is asked of a row.
type course struct {
	batch, producers, records int
	pool                      []*record
	sink                      *sink
}

// What the rows that know such a thing are set to.
const (
	inFlight = 8                     // batches that may be handled at a time
	linger   = 10 * time.Millisecond // how long a partial batch waits; it is the Batcher's default
)

func rows() []row {
	return []row{
		bundlerRow(),
		gocloudRow(),
		dataloaderRow(),
		dataloadgenRow(),
		engineRow(),
		handwrittenRow(),
		lambdabatchRow(),
		sliceRow(),
		channelRow(),
		futureRow(),
		copiedRow(),
		invokerRow(),
	}
}

// version is that of the code that the row measures.
func (r *row) version() string {
	if r.module == "" {
		return runtime.Version()
	}
	return build.Version(r.module)
}
