package domain

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const refreshTokenPrefix = "mpr_" // lets secret scanners recognise one

// A RefreshToken is 256 random bits that only its holder knows; here only the digest is kept.
type RefreshToken struct{ secret [32]byte }

// NewRefreshToken makes a token of random bytes.
func NewRefreshToken(random [32]byte) RefreshToken { return RefreshToken{random} }

// ParseRefreshToken accepts exactly what Reveal gives; anything else is ErrInvalidRefreshToken.
func ParseRefreshToken(raw string) (RefreshToken, error) {
	encoded, found := strings.CutPrefix(raw, refreshTokenPrefix)
	if !found || len(encoded) != base64.RawURLEncoding.EncodedLen(32) {
		return RefreshToken{}, ErrInvalidRefreshToken
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(secret) != 32 { // a line break inside decodes to fewer bytes
		return RefreshToken{}, ErrInvalidRefreshToken
	}
	return RefreshToken{[32]byte(secret)}, nil
}

// Reveal is the token as its holder gets it.
func (t RefreshToken) Reveal() string {
	return refreshTokenPrefix + base64.RawURLEncoding.EncodeToString(t.secret[:])
}

// Digest is the SHA-256 of the secret: enough, since it is random through and through.
func (t RefreshToken) Digest() []byte {
	sum := sha256.Sum256(t.secret[:])
	return sum[:]
}

// String hides the secret from logs.
func (t RefreshToken) String() string { return refreshTokenPrefix + "…" }
