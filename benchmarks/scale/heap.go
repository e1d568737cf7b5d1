package main

import "runtime"

// memory is what the process holds.
type memory struct {
	heap, stack uint64 // bytes that are in use
	mallocs     uint64 // so far
	allocated   uint64 // bytes so far
}

// settle collects all garbage, and says what is left. The second collection is for
// what sync.Pools hold for one more.
func settle() memory {
	runtime.GC()
	runtime.GC()
	return look()
}

func look() memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{m.HeapAlloc, m.StackInuse, m.Mallocs, m.TotalAlloc}
}

// more is the difference, or 0 if there is less.
func more(now, before uint64) float64 {
	if now < before {
		return 0
	}
	return float64(now - before)
}
