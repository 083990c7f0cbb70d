package app

import (
	"context"
	"sync"
	"time"

	"github.com/micropay/micropay/transaction/ports"
)

// Revocations knows which access tokens are refused before they expire. It starts from what
// is stored, so that a restart forgets nothing, and follows the auth service's feed. While
// auth is down it knows what it knew; nothing is let in again.
type Revocations struct {
	feed  ports.RevocationFeed
	store ports.RevocationStore

	mu     sync.RWMutex
	ended  map[string]ports.Revocation // by kind and id
	cursor string                      // in the feed
	stored int64                       // the last one that was loaded
	loaded bool
}

// NewRevocations follows feed and keeps what it hears in store.
func NewRevocations(feed ports.RevocationFeed, store ports.RevocationStore) *Revocations {
	return &Revocations{feed: feed, store: store, ended: map[string]ports.Revocation{}}
}

// Revoked reports whether a token is refused: its session ended, or it was issued to the user
// no later than everything of theirs was ended.
func (r *Revocations) Revoked(user, session string, issuedAt time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ended := r.ended["session/"+session]; ended {
		return true
	}
	all, ended := r.ended["user/"+user]
	return ended && !issuedAt.After(all.RevokedAt)
}

// Ready reports whether the stored revocations have been loaded.
func (r *Revocations) Ready() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.loaded
}

// Follow takes one step: it loads what any replica stored since the last one, then reads the
// feed to its end and forgets what expired before now.
func (r *Revocations) Follow(ctx context.Context, now time.Time) error {
	heard, err := r.store.Load(ctx, r.stored)
	if err != nil {
		return err
	}
	if r.stored = max(r.stored, heard.Seq); heard.Cursor == "" {
		heard.Cursor = r.cursor
	}
	r.learn(heard.Revocations, heard.Cursor, now)
	for {
		news, next, err := r.feed.After(ctx, r.cursor)
		if err != nil || len(news) == 0 {
			return err
		}
		r.learn(news, r.cursor, now) // refuse at once, even if storing it fails
		if err := r.store.Save(ctx, news, next); err != nil {
			return err
		}
		r.learn(nil, next, now)
	}
}

func (r *Revocations) learn(rs []ports.Revocation, cursor string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor, r.loaded = cursor, true
	for _, rev := range rs {
		id := rev.Kind + "/" + rev.ID
		if old, known := r.ended[id]; !known || old.RevokedAt.Before(rev.RevokedAt) {
			r.ended[id] = rev
		}
	}
	for id, rev := range r.ended {
		if rev.ExpiresAt.Before(now) {
			delete(r.ended, id)
		}
	}
}
