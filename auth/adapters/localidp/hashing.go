package localidp

import (
	"context"
	"fmt"
	"sync"

	"github.com/alexedwards/argon2id"
)

// A hasher hashes passwords, few at a time: one hash takes tens of megabytes and milliseconds,
// so without a bound a burst of logins would take the machine.
type hasher struct {
	params argon2id.Params
	slots  chan struct{}
	dummy  func() (string, error) // what the password of an unknown account is compared with
}

func newHasher(params argon2id.Params, atMost int) hasher {
	return hasher{params, make(chan struct{}, atMost), sync.OnceValues(func() (string, error) {
		return argon2id.CreateHash("nobody's password", &params)
	})}
}

// enter waits for a slot; leave gives it back.
func (h hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

// hash takes a slot of its own.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(password, &h.params)
}

// matches compares within a slot the caller holds. An empty stored hash (there is no such
// account) takes the same time and never matches.
func (h hasher) matches(password, stored string) (bool, error) {
	known := stored != ""
	if !known {
		var err error
		if stored, err = h.dummy(); err != nil {
			return false, err
		}
	}
	ok, err := argon2id.ComparePasswordAndHash(password, stored)
	return ok && known, err
}

// outdated says that a stored hash was made with other parameters than are configured now.
func (h hasher) outdated(stored string) bool {
	params, _, _, err := argon2id.DecodeHash(stored)
	return err == nil && *params != h.params
}
