package engine

// deepen makes the stack of a new goroutine as large as an invocation needs it, while
// there is next to nothing on it: growing it step by step would copy all the calls
// that are under way, each time. Nobody says really.
//
//go:noinline
func deepen(really bool) (n byte) {
	if really {
		var room [stackRoom]byte
		for i := range room {
			n += room[i]
		}
	}
	return n
}

// stackRoom is bytes: a call by the SDK's client takes about so much, over HTTP/2.
const stackRoom = 20 << 10
