package main

import (
	"math"

	"github.com/lambdabatch/lambdabatch"
)

// ideaOf reads what the limiter takes the quota for.
func ideaOf(*lambdabatch.AdaptiveLimiter) func() idea {
	return func() idea { return idea{math.Inf(1), math.Inf(1)} }
}
