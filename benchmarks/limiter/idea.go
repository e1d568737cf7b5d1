package main

import "github.com/lambdabatch/lambdabatch"

// idea is what a limiter takes the quota for. What it has no idea of is
// infinite.
type idea struct{ rate, slots float64 }

// ideaOf reads that of the library's own limiter: what its account and its
// function allow together.
func ideaOf(l *lambdabatch.AdaptiveLimiter) func() idea {
	return func() idea {
		st := l.State()
		all := idea{st.Account.Rate, st.Account.Limit}
		if own, ok := st.Functions[function]; ok {
			all.rate = min(all.rate, own.Rate)
			all.slots = min(all.slots, own.Limit)
		}
		return all
	}
}
