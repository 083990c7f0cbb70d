// Package postgres keeps users and the revocation feed in PostgreSQL, schema "auth".
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

// Users implements ports.Users.
type Users struct {
	db  *sqlx.DB
	now func() time.Time
}

// NewUsers makes the repository of users.
func NewUsers(db *sqlx.DB, now func() time.Time) *Users { return &Users{db, now} }

type userRow struct {
	ID            string    `db:"id"`
	Email         string    `db:"email"`
	Name          string    `db:"name"`
	Locale        string    `db:"locale"`
	EmailVerified bool      `db:"email_verified"`
	MailStopped   bool      `db:"mail_stopped"`
	CreatedAt     time.Time `db:"created_at"`
}

const (
	insertUserSQL = `INSERT INTO auth.users (id, email, name, locale, email_verified, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING`
	userSQL       = `SELECT id, email, name, locale, email_verified, mail_stopped, created_at FROM auth.users WHERE deleted_at IS NULL AND `
)

// Ensure stores u unless it is stored. ErrEmailTaken, ErrUserUnknown (deleted).
func (r *Users) Ensure(ctx context.Context, u domain.User) (domain.User, error) {
	_, err := r.db.ExecContext(ctx, insertUserSQL, u.ID, u.Email.String(), u.Name.String(), u.Locale, u.EmailVerified, u.CreatedAt)
	if database.IsUnique(err, "users_email_key") {
		return domain.User{}, domain.ErrEmailTaken
	}
	if err != nil {
		return domain.User{}, fmt.Errorf("store user: %w", err)
	}
	return r.ByID(ctx, u.ID)
}

// ByID finds a user. ErrUserUnknown.
func (r *Users) ByID(ctx context.Context, id string) (domain.User, error) {
	if !isID(id) {
		return domain.User{}, domain.ErrUserUnknown // no id of ours
	}
	return r.one(ctx, userSQL+"id = $1", id)
}

// ByEmail finds a user. ErrUserUnknown.
func (r *Users) ByEmail(ctx context.Context, email domain.Email) (domain.User, error) {
	return r.one(ctx, userSQL+"email = $1", email.String())
}

const changeUserSQL = `UPDATE auth.users SET name = coalesce($2, name), locale = coalesce($3, locale) WHERE id = $1 AND deleted_at IS NULL
	RETURNING id, email, name, locale, email_verified, mail_stopped, created_at`

// Change changes what is given. ErrUserUnknown.
func (r *Users) Change(ctx context.Context, id string, c ports.ProfileChange) (domain.User, error) {
	if !isID(id) {
		return domain.User{}, domain.ErrUserUnknown
	}
	var name *string
	if c.Name != nil {
		text := c.Name.String()
		name = &text
	}
	return r.one(ctx, changeUserSQL, id, name, (*string)(c.Locale))
}

const markVerifiedSQL = `UPDATE auth.users SET email_verified = true, mail_stopped = false
	WHERE id = $1 AND deleted_at IS NULL AND (NOT email_verified OR mail_stopped)`

// MarkVerified notes that the address is proven.
func (r *Users) MarkVerified(ctx context.Context, id string) error {
	return r.exec(ctx, "mark verified", markVerifiedSQL, id)
}

const stopMailSQL = `UPDATE auth.users SET mail_stopped = true WHERE email = $1 AND NOT mail_stopped`

// StopMail notes that letters to an address have to end.
func (r *Users) StopMail(ctx context.Context, email domain.Email) error {
	if _, err := r.db.ExecContext(ctx, stopMailSQL, email.String()); err != nil {
		return fmt.Errorf("stop mail: %w", err)
	}
	return nil
}

const deleteUserSQL = `UPDATE auth.users SET email = NULL, name = '', email_verified = false, mail_stopped = false, deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL`

// Delete forgets all but the id.
func (r *Users) Delete(ctx context.Context, id string) error {
	return r.exec(ctx, "delete user", deleteUserSQL, id, r.now())
}

func (r *Users) exec(ctx context.Context, what, query, id string, args ...any) error {
	if !isID(id) {
		return nil // nobody has it
	}
	if _, err := r.db.ExecContext(ctx, query, append([]any{id}, args...)...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (r *Users) one(ctx context.Context, query string, args ...any) (domain.User, error) {
	var row userRow
	if err := r.db.GetContext(ctx, &row, query, args...); errors.Is(err, sql.ErrNoRows) {
		return domain.User{}, domain.ErrUserUnknown
	} else if err != nil {
		return domain.User{}, fmt.Errorf("find user: %w", err)
	}
	email, emailErr := domain.ParseEmail(row.Email)
	name, nameErr := domain.ParseName(row.Name)
	if err := errors.Join(emailErr, nameErr); err != nil {
		return domain.User{}, fmt.Errorf("stored user %s: %w", row.ID, err)
	}
	return domain.User{
		ID: row.ID, Email: email, Name: name, Locale: domain.Locale(row.Locale), EmailVerified: row.EmailVerified,
		MailStopped: row.MailStopped, CreatedAt: row.CreatedAt.UTC(),
	}, nil
}

// isID says whether an id can be one of ours; a token signed elsewhere may name any.
func isID(id string) bool { return uuid.Validate(id) == nil }
