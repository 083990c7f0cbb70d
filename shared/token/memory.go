package token

import (
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// memory holds the tokens whose signature was checked a short while ago, because checking one
// costs far more than the rest of a request's handling. It holds digests, never tokens.
type memory struct {
	entries *lru.Cache[[sha256.Size]byte, entry] // nil: nothing is remembered
}

type entry struct {
	claims Claims
	until  time.Time
}

func newMemory(size int) *memory {
	if size < 1 {
		return &memory{}
	}
	entries, _ := lru.New[[sha256.Size]byte, entry](size) // fails for sizes below 1 only
	return &memory{entries}
}

func (m *memory) get(raw string, now time.Time) (Claims, bool) {
	if m.entries == nil {
		return Claims{}, false
	}
	digest := sha256.Sum256([]byte(raw))
	e, ok := m.entries.Get(digest)
	if !ok {
		return Claims{}, false
	}
	if !now.Before(e.until) {
		m.entries.Remove(digest)
		return Claims{}, false
	}
	return e.claims, true
}

func (m *memory) put(raw string, c Claims, until time.Time) {
	if m.entries != nil {
		m.entries.Add(sha256.Sum256([]byte(raw)), entry{c, until})
	}
}
