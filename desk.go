package lambdabatch

// desk is where one goroutine at a time makes records. What they need is there for
// several of them.
type desk[Out any] struct {
	pen
	futures []Future[Out]
}

// futuresAtOnce is small: futures that were made together keep each other's values from
// being freed.
const futuresAtOnce = 3

// future returns a new one.
func (d *desk[Out]) future(c *core) *Future[Out] {
	if len(d.futures) == 0 {
		d.futures = make([]Future[Out], futuresAtOnce)
	}
	f := &d.futures[0]
	d.futures = d.futures[1:]
	f.core = c
	f.record.Owner = (*resolver[Out])(f)
	return f
}
