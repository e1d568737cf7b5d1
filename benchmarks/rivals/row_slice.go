package main

import "sync"

func sliceRow() row {
	return row{
		name: "floor: mutex and slice",
		does: "no library, the least there can be: no results, bounds a batch by number and nothing else; a partial batch goes at the end; " +
			"nothing is encoded",
		start: startSlice,
	}
}

// slicer gathers records in a slice.
type slicer struct {
	sink *sink
	size int
	sent sync.WaitGroup

	mu    sync.Mutex // protects all that follows
	batch []*record
	free  [][]*record // slices of batches that are done
}

func startSlice(c *course) (run, error) {
	s := &slicer{sink: c.sink, size: c.batch}
	s.batch = s.spare()
	return func() error {
		return batcher[struct{}]{
			submit: func(r *record) (struct{}, error) { s.add(r); return struct{}{}, nil },
			finish: func() error { s.finish(); return nil },
		}.run(c)
	}, nil
}

func (s *slicer) add(r *record) {
	s.mu.Lock()
	s.batch = append(s.batch, r)
	var full []*record
	if len(s.batch) == s.size {
		full, s.batch = s.batch, s.spare()
	}
	s.mu.Unlock()
	if full != nil {
		s.sent.Go(func() { s.send(full) })
	}
}

// spare is an empty slice; under s.mu.
func (s *slicer) spare() []*record {
	last := len(s.free) - 1
	if last < 0 {
		return make([]*record, 0, s.size)
	}
	batch := s.free[last]
	s.free = s.free[:last]
	return batch[:0]
}

func (s *slicer) send(batch []*record) {
	s.sink.take(batch)
	s.mu.Lock()
	s.free = append(s.free, batch)
	s.mu.Unlock()
}

func (s *slicer) finish() {
	s.sent.Wait()
	if len(s.batch) > 0 {
		s.sink.take(s.batch)
	}
}
