package main

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// TestPush checks that each record that is submitted is awaited once, with its own
// result, and that no producer has more pending than it may.
func TestPush(t *testing.T) {
	t.Parallel()
	pool := newPool()
	for _, producers := range []int{1, 3, 8} {
		var mu sync.Mutex
		submitted, awaited, finished := 0, 0, 0
		most := 0
		c := &course{20, producers, 30_000, pool, &sink{}}
		err := batcher[uint64]{
			submit: func(r *record) (uint64, error) {
				mu.Lock()
				defer mu.Unlock()
				submitted++
				most = max(most, submitted-awaited)
				return r.Number, nil
			},
			await: func(got uint64, r *record) error {
				mu.Lock()
				defer mu.Unlock()
				awaited++
				return check(got, r)
			},
			finish: func() error {
				finished++
				if submitted != c.records || awaited != c.records-producers*pending {
					t.Errorf("%d producers: finish after %d submitted, %d awaited", producers, submitted, awaited)
				}
				return nil
			},
		}.run(c)
		if err != nil {
			t.Error(err)
		}
		if submitted != c.records || awaited != c.records || finished != 1 || most > producers*pending {
			t.Errorf("%d producers: %d submitted, %d awaited, %d finished, %d pending", producers, submitted, awaited, finished, most)
		}
	}
}

func TestPushFails(t *testing.T) {
	t.Parallel()
	pool := newPool()
	good := batcher[uint64]{
		submit: func(r *record) (uint64, error) { return r.Number, nil },
		await:  check,
	}
	broken := errors.New("broken")
	for want, change := range map[string]func(*batcher[uint64]){
		"the result of record 10000007 is that of 1": func(b *batcher[uint64]) {
			b.submit = func(r *record) (uint64, error) {
				if r.Number == 10_000_007 {
					return 1, nil
				}
				return r.Number, nil
			}
		},
		"broken": func(b *batcher[uint64]) { b.finish = func() error { return broken } },
	} {
		for _, n := range []int{100, 5000} { // found when drained, and before
			b := good
			change(&b)
			err := b.run(&course{20, 1, n, pool, &sink{}})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%d: %v, not %s", n, err, want)
			}
		}
	}
	b := good
	b.submit = func(*record) (uint64, error) { return 0, broken }
	if err := b.run(&course{20, 8, 100, pool, &sink{}}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestShares: no two producers have a record in common, and all parts together are n.
func TestShares(t *testing.T) {
	t.Parallel()
	for producers := 1; producers <= maxProducers; producers++ {
		c := &course{producers: producers, records: 1003, pool: newPool()}
		sum := 0
		seen := make(map[*record]bool)
		for p := range producers {
			sum += c.part(p)
			if len(c.share(p)) < 2*pending {
				t.Errorf("%d producers: a share of %d", producers, len(c.share(p)))
			}
			for _, r := range c.share(p) {
				if seen[r] {
					t.Fatalf("%d producers share record %d", producers, r.Number)
				}
				seen[r] = true
			}
		}
		if sum != c.records {
			t.Errorf("%d producers submit %d", producers, sum)
		}
	}
}
