package lambdatest

import (
	"slices"
	"sync"
)

// A pool holds the execution environments of a program.
type pool struct {
	name    string
	program Program
	sizes   sizes

	mu      sync.Mutex // protects following
	retired bool
	idle    []*sandbox // the one used last at the end
}

// take returns the idle environment that was used last, or one that is yet to start. It serves one tenant for all its life; that
// of another makes room, so that there are never more than the concurrency allows.
func (p *pool) take(tenant string) *sandbox {
	p.mu.Lock()
	for i, sb := range slices.Backward(p.idle) {
		if sb.tenant == tenant {
			p.idle = slices.Delete(p.idle, i, i+1)
			p.mu.Unlock()
			return sb
		}
	}
	var other *sandbox
	if len(p.idle) > 0 {
		other = p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.mu.Unlock()
	other.end()
	return &sandbox{pool: p, tenant: tenant}
}

func (p *pool) give(sb *sandbox) {
	p.mu.Lock()
	retired := p.retired
	if !retired {
		p.idle = append(p.idle, sb)
	}
	p.mu.Unlock()
	if retired {
		sb.end()
	}
}

// retire ends the environments that are idle, and has the others end when they are. A retired pool still serves the invocations
// that were let in before. The nil pool has none.
func (p *pool) retire() {
	if p == nil {
		return
	}
	p.mu.Lock()
	idle := p.idle
	p.retired, p.idle = true, nil
	p.mu.Unlock()
	for _, sb := range idle {
		sb.end()
	}
}
