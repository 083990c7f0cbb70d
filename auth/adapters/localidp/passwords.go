package localidp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

const (
	setPasswordSQL = `UPDATE auth.identity SET password_hash = $2 WHERE subject = $1`
	// A code to reset the old password is worth nothing once there is a new one.
	dropResetsSQL = `UPDATE auth.mailed_code SET used_at = $2 WHERE subject = $1 AND purpose = 'reset' AND used_at IS NULL`
)

// ChangePassword replaces the password of a bearer who knows the current one. Guessing it with a
// stolen token is slowed like guessing at login.
func (p *Provider) ChangePassword(ctx context.Context, who ports.Bearer, current, next string) error {
	row, err := p.bySubject(ctx, p.db, who.Subject, "")
	if errors.Is(err, sql.ErrNoRows) {
		return domain.ErrInvalidCredentials
	} else if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	identity, err := row.identity()
	if err != nil {
		return err
	}
	row, err = p.judge(ctx, ports.Credentials{Email: identity.Email, Password: current, Address: "session " + who.SessionID},
		func() (identityRow, error) { return p.bySubject(ctx, p.db, who.Subject, "") })
	if err != nil {
		return err
	}
	hash, err := p.hashes.hash(ctx, next)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	refused, err := p.decide(ctx, func(tx *sqlx.Tx) error {
		locked, err := p.bySubject(ctx, tx, who.Subject, "FOR UPDATE")
		if errors.Is(err, sql.ErrNoRows) || err == nil && locked.PasswordHash != row.PasswordHash {
			return domain.ErrInvalidCredentials
		} else if err != nil {
			return err
		}
		return p.setPassword(ctx, tx, who.Subject, hash, "subject = $1 AND id::text <> $2", who.Subject, who.SessionID)
	})
	return firstOf(err, refused)
}

// setPassword stores the hash and ends the sessions named.
func (p *Provider) setPassword(ctx context.Context, tx *sqlx.Tx, subject, hash, which string, args ...any) error {
	if _, err := tx.ExecContext(ctx, setPasswordSQL, subject, hash); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, dropResetsSQL, subject, p.now()); err != nil {
		return err
	}
	return p.revoke(ctx, tx, which, args...)
}

// ForgotPassword only promises a mail to the address. Whether anybody has it is found out by the
// worker, so the call does the same for everybody.
func (p *Provider) ForgotPassword(ctx context.Context, email domain.Email) error {
	err := database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error { return p.promiseMail(ctx, tx, purposeReset, email) })
	if err != nil {
		return fmt.Errorf("promise reset mail: %w", err)
	}
	p.wakeMail()
	return nil
}

// ResetPassword sets a password by a mailed code. The account's failures are forgotten: who reads
// its mail is its owner.
func (p *Provider) ResetPassword(ctx context.Context, email domain.Email, code, next string) (ports.Identity, error) {
	hash, err := p.hashes.hash(ctx, next)
	if err != nil {
		return ports.Identity{}, fmt.Errorf("reset password: %w", err)
	}
	var identity ports.Identity
	refused, err := p.decide(ctx, func(tx *sqlx.Tx) error {
		row, err := p.redeem(ctx, tx, purposeReset, email, code)
		if err != nil {
			return err
		}
		if identity, err = row.identity(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, forgiveSQL, accountKey(email)); err != nil {
			return err
		}
		return p.setPassword(ctx, tx, row.Subject, hash, "subject = $1", row.Subject)
	})
	return identity, firstOf(err, refused)
}

const deleteIdentitySQL = `DELETE FROM auth.identity WHERE subject = $1`

// Delete forgets the identity, its sessions and codes, and refuses every token it ever had.
func (p *Provider) Delete(ctx context.Context, subject string) error {
	err := database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, deleteIdentitySQL, uuidOrNil(subject)); err != nil {
			return err
		}
		now := p.now()
		_, err := tx.ExecContext(ctx, recordUserSQL, subject, now, p.deadBy(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete identity: %w", err)
	}
	return nil
}
