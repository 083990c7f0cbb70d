package discovery

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// health knows which instances are worth asking.
type health struct {
	name       string
	log        *slog.Logger
	ejectAfter int
	ejectFor   time.Duration

	mu        sync.Mutex
	known     []Instance // as they were told last
	of        map[Instance]*condition
	turn      int
	ejections int
}

// condition is of one instance.
type condition struct {
	failures int // in a row
	until    time.Time
}

func newHealth(o Options) *health {
	return &health{
		name: o.Name, log: o.Log, ejectAfter: o.EjectAfter, ejectFor: o.EjectFor, of: map[Instance]*condition{},
		turn: rand.IntN(1 << 16), //nolint:gosec // clients that start together shall not march in step
	}
}

// inOrder is whom to ask first, and whom next: those in good health, each call beginning with
// another, then those ejected. It forgets those who are gone.
func (h *health) inOrder(all []Instance) []Instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.known, all) {
		h.known = slices.Clone(all)
		for i := range h.of {
			if !slices.Contains(all, i) {
				delete(h.of, i)
			}
		}
	}
	now := time.Now()
	var well, ejected []Instance
	for _, i := range all {
		if h.ejected(i, now) {
			ejected = append(ejected, i)
		} else {
			well = append(well, i)
		}
	}
	h.turn++
	first := h.turn % max(len(well), 1)
	return slices.Concat(well[first:], well[:first], ejected)
}

func (h *health) ejected(i Instance, now time.Time) bool {
	c := h.of[i]
	return c != nil && now.Before(c.until)
}

func (h *health) good(i Instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, i)
}

// unreachable ejects an instance that could not be connected to.
func (h *health) unreachable(i Instance, why error) { h.bad(i, h.ejectAfter, why) }

// failed counts a failure, and ejects an instance that has had enough of them.
func (h *health) failed(i Instance, why error) { h.bad(i, 1, why) }

func (h *health) bad(i Instance, failures int, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.ejected(i, now) || !slices.Contains(h.known, i) { // a call that began before
		return
	}
	c := h.of[i]
	if c == nil {
		c = &condition{}
		h.of[i] = c
	}
	c.failures = min(c.failures+failures, h.ejectAfter)
	if c.failures < h.ejectAfter || h.isLast(i, now) {
		return
	}
	c.failures, c.until = h.ejectAfter-1, now.Add(h.ejectFor) // then one more is enough
	h.ejections++
	h.log.Warn("instance ejected", "callee", h.name, "instance", i.String(), "for", h.ejectFor, "error", why)
}

// isLast tells that all but i are ejected.
func (h *health) isLast(i Instance, now time.Time) bool {
	return !slices.ContainsFunc(h.known, func(other Instance) bool { return other != i && !h.ejected(other, now) })
}

func (h *health) countKnown() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return float64(len(h.known))
}

func (h *health) countEjected() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, now := 0, time.Now()
	for _, i := range h.known {
		if h.ejected(i, now) {
			n++
		}
	}
	return float64(n)
}

func (h *health) countEjections() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return float64(h.ejections)
}
