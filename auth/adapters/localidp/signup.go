package localidp

import (
	"context"
	"crypto/subtle"
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

type identityRow struct {
	Subject       string    `db:"subject"`
	Email         string    `db:"email"`
	Name          string    `db:"name"`
	Locale        string    `db:"locale"`
	PasswordHash  string    `db:"password_hash"`
	Scope         string    `db:"scope"`
	EmailVerified bool      `db:"email_verified"`
	CreatedAt     time.Time `db:"created_at"`
}

const insertIdentitySQL = `INSERT INTO auth.identity (subject, email, name, locale, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`

// SignUp stores an identity and, in the same transaction, the promise of a mail with its code.
func (p *Provider) SignUp(ctx context.Context, in ports.SignUp) (ports.Identity, error) {
	if _, err := p.byEmail(ctx, p.db, in.Email, ""); err == nil {
		return ports.Identity{}, domain.ErrEmailTaken // spares a hash; the constraint decides
	}
	hash, err := p.hashes.hash(ctx, in.Password)
	if err != nil {
		return ports.Identity{}, fmt.Errorf("hash password: %w", err)
	}
	identity := ports.Identity{Subject: newID(), Email: in.Email, Name: in.Name, Locale: in.Locale, CreatedAt: p.now()}
	if identity.Locale == "" {
		identity.Locale = domain.English
	}
	err = database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, insertIdentitySQL,
			identity.Subject, in.Email.String(), in.Name.String(), identity.Locale, hash, identity.CreatedAt); err != nil {
			return err
		}
		return p.promiseMail(ctx, tx, purposeVerify, in.Email)
	})
	if database.IsUnique(err, "identity_email_key") {
		return ports.Identity{}, domain.ErrEmailTaken
	}
	if err != nil {
		return ports.Identity{}, fmt.Errorf("store identity: %w", err)
	}
	p.wakeMail()
	return identity, nil
}

// Confirm proves the address by the mailed code.
func (p *Provider) Confirm(ctx context.Context, email domain.Email, code string) (ports.Identity, error) {
	var identity ports.Identity
	refused, err := p.decide(ctx, func(tx *sqlx.Tx) error {
		row, err := p.redeem(ctx, tx, purposeVerify, email, code)
		if err != nil {
			return err
		}
		identity, err = row.identity()
		return err
	})
	return identity, firstOf(err, refused)
}

// decide runs fn in a transaction that commits also when fn refuses: a refusal leaves its marks
// (a counted attempt, a killed session).
func (p *Provider) decide(ctx context.Context, fn func(tx *sqlx.Tx) error) (refused, err error) {
	err = database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		refused = nil
		err := fn(tx)
		if r := domain.Refusal(""); errors.As(err, &r) {
			refused = r
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	return refused, nil
}

const (
	latestCodeSQL = `SELECT id, digest, expires_at, used_at, attempts FROM auth.mailed_code
		WHERE subject = $1 AND purpose = $2 ORDER BY created_at DESC, id DESC LIMIT 1 FOR UPDATE`
	countAttemptSQL = `UPDATE auth.mailed_code SET attempts = attempts + 1 WHERE id = $1`
	useCodeSQL      = `UPDATE auth.mailed_code SET used_at = $2 WHERE id = $1`
	verifiedSQL     = `UPDATE auth.identity SET email_verified = true WHERE subject = $1 AND NOT email_verified`
)

// redeem uses up the latest code mailed for the purpose, which proves the address.
func (p *Provider) redeem(ctx context.Context, tx *sqlx.Tx, why purpose, email domain.Email, typed string) (identityRow, error) {
	code, err := domain.ParseCode(typed)
	if err != nil {
		return identityRow{}, err
	}
	row, err := p.byEmail(ctx, tx, email, "FOR UPDATE")
	if errors.Is(err, sql.ErrNoRows) {
		return row, domain.ErrInvalidCode
	} else if err != nil {
		return row, err
	}
	var kept struct {
		ID        string       `db:"id"`
		Digest    []byte       `db:"digest"`
		ExpiresAt time.Time    `db:"expires_at"`
		UsedAt    sql.NullTime `db:"used_at"`
		Attempts  int          `db:"attempts"`
	}
	if err := tx.GetContext(ctx, &kept, latestCodeSQL, row.Subject, why); errors.Is(err, sql.ErrNoRows) {
		return row, domain.ErrInvalidCode
	} else if err != nil {
		return row, err
	}
	matches := subtle.ConstantTimeCompare(kept.Digest, code.Digest()) == 1
	judged := domain.MailedCode{ExpiresAt: kept.ExpiresAt, UsedAt: kept.UsedAt.Time, Attempts: kept.Attempts}
	if refused := judged.Judge(matches, p.now()); refused != nil {
		_, err := tx.ExecContext(ctx, countAttemptSQL, kept.ID)
		return row, firstOf(err, refused)
	}
	if _, err := tx.ExecContext(ctx, useCodeSQL, kept.ID, p.now()); err != nil {
		return row, err
	}
	_, err = tx.ExecContext(ctx, verifiedSQL, row.Subject)
	row.EmailVerified = true
	return row, err
}

const identitySQL = `SELECT subject, email, name, locale, password_hash, scope, email_verified, created_at FROM auth.identity WHERE `

func (p *Provider) byEmail(ctx context.Context, q sqlx.QueryerContext, email domain.Email, lock string) (row identityRow, err error) {
	err = sqlx.GetContext(ctx, q, &row, identitySQL+"email = $1 "+lock, email.String())
	return row, err
}

func (p *Provider) bySubject(ctx context.Context, q sqlx.QueryerContext, subject, lock string) (row identityRow, err error) {
	if uuid.Validate(subject) != nil {
		return row, sql.ErrNoRows // no subject of ours
	}
	err = sqlx.GetContext(ctx, q, &row, identitySQL+"subject = $1 "+lock, subject)
	return row, err
}

func (r identityRow) identity() (ports.Identity, error) {
	email, emailErr := domain.ParseEmail(r.Email)
	name, nameErr := domain.ParseName(r.Name)
	if err := errors.Join(emailErr, nameErr); err != nil {
		return ports.Identity{}, fmt.Errorf("stored identity %s: %w", r.Subject, err)
	}
	return ports.Identity{Subject: r.Subject, Email: email, Name: name, Locale: domain.Locale(r.Locale), EmailVerified: r.EmailVerified, CreatedAt: r.CreatedAt.UTC()}, nil
}

// firstOf prefers a fault over a refusal: what could not be counted was not judged.
func firstOf(fault, refusal error) error {
	if fault != nil {
		return fault
	}
	return refusal
}
