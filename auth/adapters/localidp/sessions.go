package localidp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

const (
	insertSessionSQL = `INSERT INTO auth.session (id, subject, auth_time, expires_at) VALUES ($1, $2, $3, $4)`
	insertRefreshSQL = `INSERT INTO auth.refresh_token (digest, session_id, issued_at) VALUES ($1, $2, $3)`
)

func (p *Provider) startSession(ctx context.Context, tx *sqlx.Tx, key signingKey, row identityRow) (ports.Tokens, error) {
	now := p.now()
	session := domain.Session{ID: newID(), Subject: row.Subject, AuthTime: now, ExpiresAt: now.Add(p.opts.RefreshTTL)}
	if _, err := tx.ExecContext(ctx, insertSessionSQL, session.ID, session.Subject, session.AuthTime, session.ExpiresAt); err != nil {
		return ports.Tokens{}, err
	}
	return p.issue(ctx, tx, key, session, row.Scope)
}

// issue makes the next refresh token of a session and an access token.
func (p *Provider) issue(ctx context.Context, tx *sqlx.Tx, key signingKey, session domain.Session, scope string) (ports.Tokens, error) {
	refresh := domain.NewRefreshToken(random[[32]byte]())
	if _, err := tx.ExecContext(ctx, insertRefreshSQL, refresh.Digest(), session.ID, p.now()); err != nil {
		return ports.Tokens{}, err
	}
	access, err := p.accessToken(key, session, scope)
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("sign access token: %w", err)
	}
	return ports.Tokens{Access: access, Refresh: refresh.Reveal(), ExpiresIn: p.opts.AccessTTL}, nil
}

const (
	familySQL = `SELECT s.id, s.subject, s.auth_time, s.expires_at, s.revoked_at, t.used_at, i.scope
		FROM auth.refresh_token t JOIN auth.session s ON s.id = t.session_id JOIN auth.identity i ON i.subject = s.subject
		WHERE t.digest = $1 FOR UPDATE OF s, t`
	useRefreshSQL = `UPDATE auth.refresh_token SET used_at = $2 WHERE digest = $1 AND used_at IS NULL`
)

// Refresh rotates a refresh token. Of many presentations of one token at the same time one wins;
// the others are its reuse.
func (p *Provider) Refresh(ctx context.Context, raw string) (ports.Tokens, error) {
	token, err := domain.ParseRefreshToken(raw)
	if err != nil {
		return ports.Tokens{}, err
	}
	key, err := p.keys.signer(ctx) // not inside the transaction: it may need a connection of its own
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	var tokens ports.Tokens
	refused, err := p.decide(ctx, func(tx *sqlx.Tx) error {
		session, usedAt, scope, err := family(ctx, tx, token)
		if err != nil {
			return err
		}
		switch p.opts.Refresh.Judge(session, usedAt, p.now()) {
		case domain.Rotate:
			if _, err := tx.ExecContext(ctx, useRefreshSQL, token.Digest(), p.now()); err != nil {
				return err
			}
			tokens, err = p.issue(ctx, tx, key, session, scope)
			return err
		case domain.Kill:
			p.log.WarnContext(ctx, "a used refresh token was presented again: session ended", "session", session.ID, "user", session.Subject)
			return firstOf(p.revoke(ctx, tx, "id = $1", session.ID), domain.ErrInvalidRefreshToken)
		default:
			return domain.ErrInvalidRefreshToken
		}
	})
	if err := firstOf(err, refused); err != nil {
		return ports.Tokens{}, err
	}
	return tokens, nil
}

func family(ctx context.Context, tx *sqlx.Tx, token domain.RefreshToken) (s domain.Session, usedAt time.Time, scope string, err error) {
	var row struct {
		ID        string       `db:"id"`
		Subject   string       `db:"subject"`
		AuthTime  time.Time    `db:"auth_time"`
		ExpiresAt time.Time    `db:"expires_at"`
		RevokedAt sql.NullTime `db:"revoked_at"`
		UsedAt    sql.NullTime `db:"used_at"`
		Scope     string       `db:"scope"`
	}
	if err := tx.GetContext(ctx, &row, familySQL, token.Digest()); errors.Is(err, sql.ErrNoRows) {
		return s, usedAt, scope, domain.ErrInvalidRefreshToken
	} else if err != nil {
		return s, usedAt, scope, err
	}
	s = domain.Session{ID: row.ID, Subject: row.Subject, AuthTime: row.AuthTime, ExpiresAt: row.ExpiresAt, RevokedAt: row.RevokedAt.Time}
	return s, row.UsedAt.Time, row.Scope, nil
}

// SignOut ends one session.
func (p *Provider) SignOut(ctx context.Context, who ports.Bearer) error {
	return p.end(ctx, who, "subject = $1 AND id::text = $2", uuidOrNil(who.Subject), who.SessionID)
}

// GlobalSignOut ends all sessions of the person.
func (p *Provider) GlobalSignOut(ctx context.Context, who ports.Bearer) error {
	return p.end(ctx, who, "subject = $1", uuidOrNil(who.Subject))
}

// end also records the bearer's own session if it is not stored here (any more): whoever signed
// the token, it must be dead when this returns. A token without a session takes all of the
// person's tokens so far with it.
func (p *Provider) end(ctx context.Context, who ports.Bearer, which string, args ...any) error {
	err := database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		if err := p.revoke(ctx, tx, which, args...); err != nil {
			return err
		}
		now := p.now()
		if who.SessionID == "" {
			_, err := tx.ExecContext(ctx, recordUserSQL, who.Subject, now, p.deadBy(now))
			return err
		}
		_, err := tx.ExecContext(ctx, recordSessionSQL, who.SessionID, now, p.deadBy(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

const (
	lockSessionsSQL   = `SELECT id FROM auth.session WHERE revoked_at IS NULL AND `
	revokeSessionsSQL = `UPDATE auth.session SET revoked_at = $2 WHERE id = ANY($1)`
	recordSessionsSQL = `SELECT auth.record_revocation('session', id::text, $2, $3) FROM unnest($1::uuid[]) id`
	recordSessionSQL  = `SELECT auth.record_revocation('session', $1, $2, $3)`
	recordUserSQL     = `SELECT auth.record_revocation('user', $1, $2, $3)`
)

// revoke ends sessions and records that in the feed. It holds the feed until the transaction
// ends, so it comes last in one.
func (p *Provider) revoke(ctx context.Context, tx *sqlx.Tx, which string, args ...any) error {
	var ids []string
	if err := tx.SelectContext(ctx, &ids, lockSessionsSQL+which+" ORDER BY id FOR UPDATE", args...); err != nil || len(ids) == 0 {
		return err
	}
	now := p.now()
	if _, err := tx.ExecContext(ctx, revokeSessionsSQL, pq.Array(ids), now); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, recordSessionsSQL, pq.Array(ids), now, p.deadBy(now))
	return err
}

// deadBy is when every access token issued up to now has expired for every verifier.
func (p *Provider) deadBy(now time.Time) time.Time {
	return now.Add(p.opts.AccessTTL + p.opts.Leeway)
}

// uuidOrNil is the id, or one nobody has if it is none of ours.
func uuidOrNil(id string) string {
	if uuid.Validate(id) != nil {
		return uuid.Nil.String()
	}
	return id
}
