package domain

import (
	"crypto/sha256"
	"strings"
	"time"
)

// MaxCodeAttempts is how often one mailed code may be tried before it dies.
const MaxCodeAttempts = 10

// A MailedCode is what is kept of a code that was mailed to prove an address.
type MailedCode struct {
	ExpiresAt time.Time
	UsedAt    time.Time // zero while unused
	Attempts  int       // failed tries so far
}

// Judge an attempt at now; matches says whether the digests agree.
func (c MailedCode) Judge(matches bool, now time.Time) error {
	if !matches || !now.Before(c.ExpiresAt) || !c.UsedAt.IsZero() || c.Attempts >= MaxCodeAttempts {
		return ErrInvalidCode
	}
	return nil
}

const (
	codeLength  = 12                                 // 60 bits
	codeSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base 32
)

// A Code proves that its holder reads the mail of an address. Only its digest is kept.
type Code struct{ symbols string }

// NewCode makes a code of random bytes.
func NewCode(random [codeLength]byte) Code {
	symbols := make([]byte, codeLength)
	for i, b := range random {
		symbols[i] = codeSymbols[b%32]
	}
	return Code{string(symbols)}
}

// ParseCode takes a code as people type it: any case, spaces and dashes anywhere, the letter O
// for zero, I or L for one. What cannot be a code is ErrInvalidCode.
func ParseCode(typed string) (Code, error) {
	symbols := make([]byte, 0, codeLength)
	for _, r := range strings.ToUpper(typed) {
		switch r {
		case ' ', '-':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if len(symbols) == codeLength || !strings.ContainsRune(codeSymbols, r) {
			return Code{}, ErrInvalidCode
		}
		symbols = append(symbols, byte(r))
	}
	if len(symbols) < codeLength {
		return Code{}, ErrInvalidCode
	}
	return Code{string(symbols)}, nil
}

// Reveal is the code as it is mailed, in groups of four.
func (c Code) Reveal() string {
	return c.symbols[:4] + "-" + c.symbols[4:8] + "-" + c.symbols[8:]
}

// Digest is what is kept of the code.
func (c Code) Digest() []byte {
	sum := sha256.Sum256([]byte(c.symbols))
	return sum[:]
}

// String hides the code from logs.
func (c Code) String() string { return "code …" }
