package domain

import "time"

// A Session is one signing in: the family of refresh tokens that follow from it, and the access
// tokens that carry its ID as "origin_jti".
type Session struct {
	ID        string
	Subject   string
	AuthTime  time.Time // when the password was given
	ExpiresAt time.Time // no refresh token of the family lives longer, however often it is rotated
	RevokedAt time.Time // zero while it lives
}

// A RefreshPolicy says what a refresh token is good for. Grace is how long after its use a token
// may be presented again by a client that lost the answer; zero, the default, means never.
type RefreshPolicy struct{ Grace time.Duration }

// A Verdict is what becomes of a presented refresh token.
type Verdict int

// The verdicts.
const (
	Refuse Verdict = iota // it is dead; nothing changes
	Rotate                // it is exchanged for the next of its family
	Kill                  // it was used before, so somebody has a copy: the whole family dies
)

// Judge a token of session s that was used at usedAt (zero: never) and is presented now.
func (p RefreshPolicy) Judge(s Session, usedAt, now time.Time) Verdict {
	switch {
	case !s.RevokedAt.IsZero() || !now.Before(s.ExpiresAt):
		return Refuse
	case usedAt.IsZero() || now.Before(usedAt.Add(p.Grace)):
		return Rotate
	default:
		return Kill
	}
}
