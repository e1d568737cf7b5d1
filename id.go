package lambdabatch

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// idPrefix tells this process from all others: 130 random bits would be more
// than IDs need, so 13 characters of it, 65 bits, are taken.
var idPrefix = rand.Text()[:13] + "-"

var idCount atomic.Uint64

// newID returns an ID that no other record has, in this process or in another.
func newID() string {
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], idPrefix...), idCount.Add(1), 36))
}
