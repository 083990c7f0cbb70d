package localidp

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/shared/database"
)

// Authenticate judges a password and starts a session.
//
// An unknown address goes the same way as a known one: the same throttle, the same queries, one
// hash. The throttle is looked at again after the wait for a hashing slot, so that of a burst of
// guesses only as many are judged as hash at the same time.
func (p *Provider) Authenticate(ctx context.Context, in ports.Credentials) (ports.Authenticated, error) {
	const tries = 3 // the hash may change between judging and starting the session
	for try := 1; ; try++ {
		done, err := p.authenticate(ctx, in)
		if !errors.Is(err, errChanged) {
			return done, err
		}
		if try == tries {
			return ports.Authenticated{}, domain.ErrInvalidCredentials
		}
	}
}

// errChanged says that a password was judged by a hash that is stored no more.
var errChanged = errors.New("the password hash has changed meanwhile")

func (p *Provider) authenticate(ctx context.Context, in ports.Credentials) (ports.Authenticated, error) {
	row, err := p.judge(ctx, in, func() (identityRow, error) { return p.byEmail(ctx, p.db, in.Email, "") })
	if err != nil {
		return ports.Authenticated{}, err
	}
	key, err := p.keys.signer(ctx) // not inside the transaction: it may need a connection of its own
	if err != nil {
		return ports.Authenticated{}, fmt.Errorf("authenticate: %w", err)
	}
	renewed, err := p.renewed(ctx, row.PasswordHash, in.Password)
	if err != nil {
		return ports.Authenticated{}, fmt.Errorf("authenticate: %w", err)
	}
	var done ports.Authenticated
	err = database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error {
		done, err = p.begin(ctx, tx, key, row, renewed)
		return err
	})
	if err != nil {
		return ports.Authenticated{}, fmt.Errorf("authenticate: %w", err)
	}
	return done, nil
}

// begin starts a session of an identity whose password was judged right, if it still is.
func (p *Provider) begin(ctx context.Context, tx *sqlx.Tx, key signingKey, judged identityRow, renewed string) (done ports.Authenticated, err error) {
	row, err := p.bySubject(ctx, tx, judged.Subject, "FOR UPDATE")
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.PasswordHash != judged.PasswordHash {
		return done, errChanged
	} else if err != nil {
		return done, err
	}
	if done.Identity, err = row.identity(); err != nil {
		return done, err
	}
	if renewed != "" {
		if _, err := tx.ExecContext(ctx, setPasswordSQL, row.Subject, renewed); err != nil {
			return done, err
		}
	}
	done.Tokens, err = p.startSession(ctx, tx, key, row)
	return done, err
}

// renewed is the password hashed anew if its hash is of older parameters, else "".
func (p *Provider) renewed(ctx context.Context, stored, password string) (string, error) {
	if !p.hashes.outdated(stored) {
		return "", nil
	}
	return p.hashes.hash(ctx, password)
}

// judge compares the password with that of the account that find gives, throttled.
func (p *Provider) judge(ctx context.Context, in ports.Credentials, find func() (identityRow, error)) (identityRow, error) {
	counters := p.counters(in)
	if err := p.throttled(ctx, counters); err != nil {
		return identityRow{}, err
	}
	leave, err := p.hashes.enter(ctx)
	if err != nil {
		return identityRow{}, err
	}
	defer leave()
	if err := p.throttled(ctx, counters); err != nil {
		return identityRow{}, err
	}
	row, err := find()
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return identityRow{}, fmt.Errorf("find identity: %w", err)
	}
	ok, err := p.hashes.matches(in.Password, row.PasswordHash)
	if err != nil {
		return identityRow{}, fmt.Errorf("compare password: %w", err)
	}
	if ok {
		return row, p.forgive(ctx, in.Email)
	}
	if err := p.fail(ctx, counters); err != nil {
		return identityRow{}, err
	}
	return identityRow{}, domain.ErrInvalidCredentials
}

// A counter counts the failures of an account or of a network address, each by its own rule.
type counter struct {
	key  []byte
	rule domain.Throttle
}

// counters are those an attempt is counted by: its account's first.
func (p *Provider) counters(in ports.Credentials) []counter {
	return []counter{
		{accountKey(in.Email), p.opts.Accounts},
		{digest("network " + networkOf(in.Address)), p.opts.Networks},
	}
}

func accountKey(email domain.Email) []byte { return digest("account " + email.String()) }

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// networkOf is the network address that counts: an IPv6 customer has a whole /64.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.WithZone("").Prefix(64) // fails only for more bits than there are
	return prefix.String()
}

const failuresSQL = `SELECT count, last FROM auth.failed_attempt WHERE key = $1`

// throttled is domain.Throttled while any of the counters has to wait.
func (p *Provider) throttled(ctx context.Context, counters []counter) error {
	now, wait := p.now(), time.Duration(0)
	for _, c := range counters {
		f, err := p.failures(ctx, p.db, failuresSQL, c.key)
		if err != nil {
			return err
		}
		wait = max(wait, c.rule.Wait(f, now))
	}
	if wait > 0 {
		return domain.Throttled{RetryAfter: wait}
	}
	return nil
}

func (p *Provider) failures(ctx context.Context, q sqlx.QueryerContext, query string, key []byte) (domain.Failures, error) {
	var row struct {
		Count int       `db:"count"`
		Last  time.Time `db:"last"`
	}
	err := sqlx.GetContext(ctx, q, &row, query, key)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return domain.Failures{}, fmt.Errorf("read failed attempts: %w", err)
	}
	return domain.Failures{Count: row.Count, Last: row.Last}, nil
}

const (
	touchFailuresSQL = `INSERT INTO auth.failed_attempt (key, count, last) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING`
	setFailuresSQL   = `UPDATE auth.failed_attempt SET count = $2, last = $3 WHERE key = $1`
	forgiveSQL       = `DELETE FROM auth.failed_attempt WHERE key = $1`
)

// fail counts one failure by each, one after the other so that no two attempts can deadlock.
func (p *Provider) fail(ctx context.Context, counters []counter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // hanging up does not undo a guess
	defer cancel()
	for _, c := range counters {
		if err := database.InTx(ctx, p.db, nil, func(tx *sqlx.Tx) error { return p.failOnce(ctx, tx, c) }); err != nil {
			return fmt.Errorf("count failed attempt: %w", err)
		}
	}
	return nil
}

func (p *Provider) failOnce(ctx context.Context, tx *sqlx.Tx, c counter) error {
	now := p.now()
	if _, err := tx.ExecContext(ctx, touchFailuresSQL, c.key, now); err != nil {
		return err
	}
	f, err := p.failures(ctx, tx, failuresSQL+" FOR UPDATE", c.key)
	if err != nil {
		return err
	}
	f = c.rule.Fail(f, now)
	_, err = tx.ExecContext(ctx, setFailuresSQL, c.key, f.Count, f.Last)
	return err
}

// forgive forgets an account's failures after a success; the network's stay.
func (p *Provider) forgive(ctx context.Context, email domain.Email) error {
	if _, err := p.db.ExecContext(ctx, forgiveSQL, accountKey(email)); err != nil {
		return fmt.Errorf("forget failed attempts: %w", err)
	}
	return nil
}
