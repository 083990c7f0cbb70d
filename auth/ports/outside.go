package ports

import (
	"context"
	"errors"
	"time"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/shared/money"
)

// ErrUnavailable says that something outside does not answer now: nothing was decided, and the
// same call may succeed later.
var ErrUnavailable = errors.New("not available now")

// ErrUndeliverable says that a message will never be accepted as it is: sending it again is of no use.
var ErrUndeliverable = errors.New("undeliverable")

// Users keeps the profiles of people.
type Users interface {
	// Ensure stores u unless a user of this id is stored, and returns the stored one.
	// ErrEmailTaken if the address is another user's, ErrUserUnknown if this id was deleted.
	Ensure(ctx context.Context, u domain.User) (domain.User, error)
	// ByID finds a user. ErrUserUnknown, also for a deleted one.
	ByID(ctx context.Context, id string) (domain.User, error)
	// ByEmail finds a user. ErrUserUnknown.
	ByEmail(ctx context.Context, email domain.Email) (domain.User, error)
	// Change changes what is given. ErrUserUnknown.
	Change(ctx context.Context, id string, c ProfileChange) (domain.User, error)
	// MarkVerified notes that the address is proven, and read. Unknown is no error.
	MarkVerified(ctx context.Context, id string) error
	// StopMail notes that letters to an address have to end, until it is proven again. Unknown is
	// no error.
	StopMail(ctx context.Context, email domain.Email) error
	// Delete forgets all but the id, which is never used again; the address becomes free.
	// Unknown is no error.
	Delete(ctx context.Context, id string) error
}

// ProfileChange is what a person changes about themselves; nil leaves it.
type ProfileChange struct {
	Name   *domain.Name
	Locale *domain.Locale
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

// LetterKind says what a letter is about.
type LetterKind string

// The kinds of letter; LetterKinds lists them all.
const (
	LetterVerification  LetterKind = "verification"   // the code that proves an address
	LetterPasswordReset LetterKind = "password_reset" // the code that allows a new password
	LetterWelcome       LetterKind = "welcome"        // the address is proven
	LetterMoneyReceived LetterKind = "money_received"
	LetterMoneySent     LetterKind = "money_sent"
)

// LetterKinds lists every LetterKind, for tables that must know them all.
func LetterKinds() []LetterKind {
	return []LetterKind{LetterVerification, LetterPasswordReset, LetterWelcome, LetterMoneyReceived, LetterMoneySent}
}

// Letter is what a mail is to say. Names and notes are what people chose, as they chose it.
type Letter struct {
	Kind   LetterKind
	To     domain.Email
	Name   domain.Name // of the reader; never written in a letter with a code, whose address is not proven
	Locale domain.Locale

	// Verification and password reset.
	Code         domain.Code
	CodeLifetime time.Duration // at least a second

	// Money received and sent.
	Amount    money.Money
	Other     string // name of the other person; may be empty
	Note      string // the transfer's description; may be empty
	Reference string // the transfer's id
	At        time.Time
}

// Letters puts letters into words.
type Letters interface {
	// Write gives a letter in the reader's language, English if that is none of ours. It fails on a
	// letter that lacks what its kind needs; no text of people makes it fail.
	Write(l Letter) (Mail, error)
}

// Mail is one message. Subject, Text and HTML are data: an adapter never lets them add a header.
type Mail struct {
	To      domain.Email
	Subject string
	Text    string
	HTML    string // the same as Text; empty: there is only Text
}

// Mailer hands a message to the mail system.
type Mailer interface {
	// Send returns nil when the message was accepted, which may be more than once if an answer was
	// lost. ErrUndeliverable if it never will be, ErrUnavailable if it may be later. No error tells
	// the address.
	Send(ctx context.Context, m Mail) error
}

// Text is the Unicode that the standard library does not know.
type Text interface {
	// NFKC is the compatibility composed form.
	NFKC(s string) string
	// HostName is the ASCII form of a domain name by UTS 46, or an error if it has none.
	HostName(s string) (string, error)
}
