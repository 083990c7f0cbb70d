package ports

import (
	"context"
	"errors"
	"time"

	"github.com/micropay/micropay/auth/domain"
)

// ErrUnavailable says that something outside does not answer now: nothing was decided, and the
// same call may succeed later.
var ErrUnavailable = errors.New("not available now")

// Users keeps the profiles of people.
type Users interface {
	// Ensure stores u unless a user of this id is stored, and returns the stored one.
	// ErrEmailTaken if the address is another user's, ErrUserUnknown if this id was deleted.
	Ensure(ctx context.Context, u domain.User) (domain.User, error)
	// ByID finds a user. ErrUserUnknown, also for a deleted one.
	ByID(ctx context.Context, id string) (domain.User, error)
	// ByEmail finds a user. ErrUserUnknown.
	ByEmail(ctx context.Context, email domain.Email) (domain.User, error)
	// Rename changes the name. ErrUserUnknown.
	Rename(ctx context.Context, id string, name domain.Name) (domain.User, error)
	// MarkVerified notes that the address is proven. Unknown is no error.
	MarkVerified(ctx context.Context, id string) error
	// Delete forgets all but the id, which is never used again; the address becomes free.
	// Unknown is no error.
	Delete(ctx context.Context, id string) error
}

// Wallets is what auth asks of the transaction service.
type Wallets interface {
	// CloseOwner makes sure that the person has no open wallet and can open none any more.
	// ErrWalletsNotClosed, ErrUnavailable. Idempotent.
	CloseOwner(ctx context.Context, userID string) error
}

// RevocationKind says what a revocation's ID is the id of.
type RevocationKind string

// The kinds of revocation.
const (
	RevokedSession RevocationKind = "session" // refuses every token of the session
	RevokedUser    RevocationKind = "user"    // refuses every token of the person issued up to At
)

// Revocation is one line of the feed by which every service learns which tokens are dead.
type Revocation struct {
	Cursor    int64 // position in the feed, ascending; later lines never appear before it
	Kind      RevocationKind
	ID        string
	At        time.Time
	ExpiresAt time.Time // by then every token it concerns has expired anyway
}

// Revocations is the feed.
type Revocations interface {
	// Record appends to the feed. A line that is there already is kept once.
	Record(ctx context.Context, r Revocation) error
	// After lists up to limit lines after the cursor, oldest first; 0 is the start.
	After(ctx context.Context, cursor int64, limit int) ([]Revocation, error)
	// Revoked says whether a token of this person and session, issued then, is dead.
	Revoked(ctx context.Context, subject, sessionID string, issuedAt time.Time) (bool, error)
}

// Mail is one message. Subject and Text are data: an adapter never lets them add a header.
type Mail struct {
	To      domain.Email
	Subject string
	Text    string
}

// Mailer hands a message to the mail system; nil means it was accepted.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Text is the Unicode that the standard library does not know.
type Text interface {
	// NFKC is the compatibility composed form.
	NFKC(s string) string
	// HostName is the ASCII form of a domain name by UTS 46, or an error if it has none.
	HostName(s string) (string, error)
}
