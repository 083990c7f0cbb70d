// Package mailfile is a mail system for one machine: every message is a file in a folder.
//
// A message goes to exactly one recipient. Nothing in it can add a header: a line break in the
// subject or the address is refused, and the text comes after the empty line that ends them.
package mailfile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/micropay/micropay/auth/ports"
)

const extension = ".eml"

// Mailbox is the folder. It is made with the first message.
type Mailbox struct {
	dir string
	now func() time.Time
}

// New names the folder that holds the messages.
func New(dir string, now func() time.Time) *Mailbox { return &Mailbox{dir, now} }

var errLineBreak = fmt.Errorf("a mail header cannot hold a line break: %w", ports.ErrUndeliverable)

// Send writes a message so that it appears whole or not at all.
func (m *Mailbox) Send(_ context.Context, message ports.Mail) error {
	if strings.ContainsAny(message.Subject+message.To.String(), "\r\n") {
		return errLineBreak
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return fmt.Errorf("make mailbox: %w", err)
	}
	now := m.now().UTC()
	var unique [6]byte
	_, _ = rand.Read(unique[:]) // never fails
	name := now.Format("20060102T150405.000000000Z") + "-" + hex.EncodeToString(unique[:])
	draft := filepath.Join(m.dir, "."+name)
	if err := os.WriteFile(draft, encode(message, now), 0o600); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	if err := os.Rename(draft, filepath.Join(m.dir, name+extension)); err != nil {
		return fmt.Errorf("deliver mail: %w", err)
	}
	return nil
}

// Letter is a message as it lies in the folder.
type Letter struct {
	ID      string `json:"id"`
	Date    string `json:"date"`
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
}

// List gives the newest messages first, at most limit, to one address if it is not empty.
func (m *Mailbox) List(to string, limit int) ([]Letter, error) {
	files, err := os.ReadDir(m.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read mailbox: %w", err)
	}
	slices.Reverse(files) // names begin with the time
	letters := []Letter{}
	for _, file := range files {
		if len(letters) == limit {
			break
		}
		if !strings.HasSuffix(file.Name(), extension) {
			continue
		}
		letter, err := m.read(file.Name())
		if err != nil {
			return nil, err
		}
		if to == "" || strings.EqualFold(letter.To, to) {
			letters = append(letters, letter)
		}
	}
	return letters, nil
}

func (m *Mailbox) read(name string) (Letter, error) {
	file, err := os.Open(filepath.Join(m.dir, name))
	if err != nil {
		return Letter{}, fmt.Errorf("read mail: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	letter, err := decode(file)
	if err != nil {
		return Letter{}, fmt.Errorf("read mail %s: %w", name, err)
	}
	letter.ID = strings.TrimSuffix(name, extension)
	return letter, nil
}
