package main

import (
	"encoding/json"

	"github.com/lambdabatch/lambdabatch/benchmarks/internal/orders"
)

// What the batchers are given, and what it is of.
type (
	record = orders.Record
	order  = orders.Order
)

// recordSize is how many bytes the data of a record has.
const recordSize = orders.Size

// poolSize is how many records there are. They go round: so many fit into the caches
// of most machines, and a million would measure the memory instead of the batchers.
const poolSize = 1 << 14

// What is asked for must leave each producer more records than it may have pending.
const (
	pending      = 1024 // records of a producer whose results it has not awaited yet
	maxProducers = poolSize / (2 * pending)
	maxBatch     = pending // more than that would never come together from one producer
)

func newPool() []*record { return orders.Pool(poolSize, recordSize) }

func dataOf(r *record) json.RawMessage { return r.Data }

func textOf(r *record) json.RawMessage { return r.Text }
