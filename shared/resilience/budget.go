package resilience

import "sync"

// budget keeps retries a share of the calls: three tries for each call are three times the load
// just when the callee can bear it least. A call earns its share of a retry, a retry costs a
// whole one, and what is not spent stays in reserve, so that a client that seldom calls may still
// retry. It is a token bucket without a clock, as gRPC's retry throttling is (gRFC A6).
type budget struct {
	share int // hundredths of a retry that a call earns

	mu   sync.Mutex
	left int // hundredths of a retry
}

// reserve is how many retries can be saved up, in hundredths; a new client has them all.
const reserve = 10 * 100

func newBudget(percent int) *budget { return &budget{share: percent, left: reserve} }

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+b.share, reserve)
}

// spend takes a retry, if there is one.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 100 {
		return false
	}
	b.left -= 100
	return true
}
