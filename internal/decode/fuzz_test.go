package decode_test

import "testing"

func FuzzDecode(f *testing.F) {
	for _, doc := range documents {
		if len(doc) < 1000 {
			f.Add([]byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, same := range subjects {
			same(t, data)
		}
	})
}
