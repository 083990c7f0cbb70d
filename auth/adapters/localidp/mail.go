package localidp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

// purpose is what a mailed code is for.
type purpose string

const (
	purposeVerify purpose = "verify"
	purposeReset  purpose = "reset"
)

const (
	mailLease      = time.Minute // a claimed request is due again after it
	mailAttempts   = 20          // then the request is given up
	longestMailGap = time.Hour
)

const promiseMailSQL = `INSERT INTO auth.mail_request (purpose, email, due_at) VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT mail_request_once DO NOTHING`

// promiseMail stores that a mail must go out; one that is promised already is enough.
func (p *Provider) promiseMail(ctx context.Context, tx *sqlx.Tx, why purpose, email domain.Email) error {
	_, err := tx.ExecContext(ctx, promiseMailSQL, why, email.String(), p.now())
	return err
}

func (p *Provider) wakeMail() {
	select {
	case p.mail <- struct{}{}:
	default:
	}
}

// runMail writes promised mail until ctx ends.
func (p *Provider) runMail(ctx context.Context) {
	tick := time.NewTicker(p.opts.MailEvery)
	defer tick.Stop()
	for {
		if err := p.SendDueMail(ctx); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "mail waits", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.mail:
		case <-tick.C:
		}
	}
}

const (
	claimMailSQL = `UPDATE auth.mail_request SET due_at = $2, attempts = attempts + 1 WHERE id = (
			SELECT id FROM auth.mail_request WHERE due_at <= $1 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, purpose, email, attempts`
	mailDoneSQL  = `DELETE FROM auth.mail_request WHERE id = $1`
	delayMailSQL = `UPDATE auth.mail_request SET due_at = $2 WHERE id = $1`
)

type mailRequest struct {
	ID       int64   `db:"id"`
	Purpose  purpose `db:"purpose"`
	Email    string  `db:"email"`
	Attempts int     `db:"attempts"`
}

// SendDueMail writes all promised mail that is due. A mail is sent at least once: a process that
// dies between sending and noting so makes another one, with a new code.
func (p *Provider) SendDueMail(ctx context.Context) error {
	for {
		var request mailRequest
		now := p.now()
		err := p.db.GetContext(ctx, &request, claimMailSQL, now, now.Add(mailLease))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return fmt.Errorf("claim mail: %w", err)
		}
		if err := p.fulfil(ctx, request); err != nil {
			return err
		}
	}
}

// fulfil writes a mail and notes so. What fails comes again later, up to mailAttempts times, unless
// it is undeliverable. No log line tells the address.
func (p *Provider) fulfil(ctx context.Context, request mailRequest) error {
	err := p.write(ctx, request)
	if err != nil && request.Attempts < mailAttempts && !errors.Is(err, ports.ErrUndeliverable) {
		gap := min(time.Second<<min(request.Attempts, 12), longestMailGap)
		p.log.WarnContext(ctx, "mail not sent, will try again", "purpose", request.Purpose, "attempts", request.Attempts, "error", err)
		_, err = p.db.ExecContext(ctx, delayMailSQL, request.ID, p.now().Add(gap))
		return err
	}
	if err != nil {
		p.log.ErrorContext(ctx, "mail given up", "purpose", request.Purpose, "attempts", request.Attempts, "error", err)
	}
	if _, err := p.db.ExecContext(ctx, mailDoneSQL, request.ID); err != nil {
		return fmt.Errorf("note sent mail: %w", err)
	}
	return nil
}

// write makes a code and mails it; there is nothing to do for an address nobody has, or one that
// had enough mail this hour.
func (p *Provider) write(ctx context.Context, request mailRequest) error {
	email, err := domain.ParseEmail(request.Email)
	if err != nil {
		return err
	}
	code, locale, wanted, err := p.makeCode(ctx, request, email)
	if err != nil || !wanted {
		return err
	}
	mail, err := p.letters.Write(letter(request.Purpose, locale, email, code, p.lifetime(request.Purpose)))
	if err != nil {
		return err
	}
	return p.mailer.Send(ctx, mail)
}

const (
	recentCodesSQL = `SELECT count(*) FROM auth.mailed_code WHERE subject = $1 AND purpose = $2 AND created_at > $3`
	insertCodeSQL  = `INSERT INTO auth.mailed_code (id, subject, purpose, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	localeSQL      = `SELECT coalesce((SELECT locale FROM auth.users WHERE id = $1), $2)` // of the profile, once there is one
)

// makeCode stores a new code unless it is not wanted. Each earlier attempt at this request has left
// a code too, whose mail nobody had: they do not count.
func (p *Provider) makeCode(ctx context.Context, request mailRequest, email domain.Email) (
	code domain.Code, locale domain.Locale, wanted bool, err error,
) {
	why := request.Purpose
	code = domain.NewCode(random[[12]byte]())
	err = database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		row, err := p.byEmail(ctx, tx, email, "FOR UPDATE")
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		} else if err != nil {
			return err
		}
		var recent int
		if err := tx.GetContext(ctx, &recent, recentCodesSQL, row.Subject, why, p.now().Add(-time.Hour)); err != nil {
			return err
		}
		if wanted = recent-(request.Attempts-1) < p.opts.MailsHour; !wanted {
			return nil
		}
		if err := tx.GetContext(ctx, &locale, localeSQL, row.Subject, row.Locale); err != nil {
			return err
		}
		now := p.now()
		_, err = tx.ExecContext(ctx, insertCodeSQL, newID(), row.Subject, why, code.Digest(), now, now.Add(p.lifetime(why)))
		return err
	})
	return code, locale, wanted, err
}

func (p *Provider) lifetime(why purpose) time.Duration {
	if why == purposeVerify {
		return p.opts.VerifyTTL
	}
	return p.opts.ResetTTL
}

// letter is what the mail is to say.
func letter(why purpose, locale domain.Locale, to domain.Email, code domain.Code, lifetime time.Duration) ports.Letter {
	kind := ports.LetterVerification
	if why == purposeReset {
		kind = ports.LetterPasswordReset
	}
	return ports.Letter{Kind: kind, To: to, Locale: locale, Code: code, CodeLifetime: lifetime}
}
