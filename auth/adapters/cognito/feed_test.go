package cognito_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
)

// feed is a revocation feed in memory that can fail.
type feed struct {
	mu    sync.Mutex
	lines []ports.Revocation
	err   error
	// before is called with each line before it is kept.
	before func(ports.Revocation)
	// onLookup is called with each look-up.
	onLookup func()
}

func (f *feed) breakWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *feed) Record(_ context.Context, r ports.Revocation) error {
	if f.before != nil {
		f.before(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	for _, l := range f.lines {
		if l.Kind == r.Kind && l.ID == r.ID && (r.Kind == ports.RevokedSession || !l.At.Before(r.At) && !l.ExpiresAt.Before(r.ExpiresAt)) {
			return nil
		}
	}
	r.Cursor = int64(len(f.lines) + 1)
	f.lines = append(f.lines, r)
	return nil
}

func (f *feed) After(_ context.Context, cursor int64, limit int) ([]ports.Revocation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.lines[min(int(cursor), len(f.lines)):]
	return append([]ports.Revocation(nil), rest[:min(limit, len(rest))]...), nil
}

func (f *feed) Revoked(_ context.Context, subject, session string, issued time.Time) (bool, error) {
	if f.onLookup != nil {
		f.onLookup()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return false, f.err
	}
	for _, l := range f.lines {
		if l.Kind == ports.RevokedSession && l.ID == session || l.Kind == ports.RevokedUser && l.ID == subject && !l.At.Before(issued) {
			return true, nil
		}
	}
	return false, nil
}

func TestFeed_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Revocations(t, func(*testing.T) ports.Revocations { return &feed{} })
}
