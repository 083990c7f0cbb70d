// Package home is the directory in which a platform on one machine keeps what is its own: a
// secret, its mail, and, unless it is given another, its PostgreSQL.
package home

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrRunning means that a platform is running on this directory.
var ErrRunning = errors.New("a platform is running already")

// Home is such a directory.
type Home struct {
	dir    string
	secret []byte
}

// Open makes the directory, and its secret, if they are not there.
func Open(dir string) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	// PostgreSQL may run as another user, and has to get through; what is private below is private itself.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	secret, err := secretOf(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return &Home{dir: dir, secret: secret}, nil
}

// secretOf reads the secret, or makes it: several may start at once, and all have to get the same.
func secretOf(dir string) ([]byte, error) {
	file := filepath.Join(dir, "secret")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		made := fmt.Sprintf("%s.%s", file, rand.Text())
		if err := os.WriteFile(made, []byte(rand.Text()+"\n"), 0o600); err != nil {
			return nil, err
		}
		err := os.Link(made, file) // only one can; a half-written secret is never seen
		_ = os.Remove(made)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		text, err = os.ReadFile(file)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < 16 {
		return nil, fmt.Errorf("%s is damaged: it holds no secret", file)
	}
	return []byte(secret), nil
}

// Secret is a secret for one purpose: always the same here, another elsewhere.
func (h *Home) Secret(purpose string) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(purpose))
	return hex.EncodeToString(mac.Sum(nil))
}

// Path is a place in the directory.
func (h *Home) Path(name string) string { return filepath.Join(h.dir, name) }

// Reserve makes this process the platform of the directory until release, however it ends.
// Errors: ErrRunning.
func (h *Home) Reserve() (release func(), err error) {
	file, err := os.OpenFile(h.Path("running"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w on %s; stop it, or choose another directory with --data", ErrRunning, h.dir)
		}
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// turn waits until no other process starts or borrows the database.
func (h *Home) turn(ctx context.Context) (done func(), err error) {
	file, err := os.OpenFile(h.Path("turn"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("data directory: %w", err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("data directory: another command is using the database: %w", ctx.Err()), file.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
