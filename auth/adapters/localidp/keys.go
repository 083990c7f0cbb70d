package localidp

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/micropay/micropay/shared/database"
)

const (
	keyBits     = 2048
	keysFresh   = 10 * time.Second // how long keys are remembered without asking the database
	keysAtLeast = time.Second      // how often an unknown key id may make it ask
)

// ErrUnknownKey says that no key of this id is published.
var ErrUnknownKey = errors.New("unknown signing key")

// A signingKey signs from activeAt until retiresAt (zero: open).
type signingKey struct {
	id                  string
	private             *rsa.PrivateKey
	activeAt, retiresAt time.Time
}

// A Keyring holds the signing keys in PostgreSQL. Replicas share them; a new key is published
// before it signs, and an old one stays published until the last token it signed has expired.
type Keyring struct {
	db    *sqlx.DB
	now   func() time.Time
	opts  Options
	fixed *signingKey // from Options.SigningKey

	mu     sync.Mutex
	keys   []signingKey // newest first
	loaded time.Time
}

func newKeyring(db *sqlx.DB, now func() time.Time, o Options) *Keyring {
	k := &Keyring{db: db, now: now, opts: o}
	if o.SigningKey != nil {
		k.fixed = &signingKey{id: thumbprint(&o.SigningKey.PublicKey), private: o.SigningKey}
	}
	return k
}

// Key is the public key of an id. ErrUnknownKey.
func (k *Keyring) Key(ctx context.Context, id string) (crypto.PublicKey, error) {
	for _, fresh := range []time.Duration{keysFresh, keysAtLeast} {
		keys, err := k.published(ctx, fresh)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if key.id == id {
				return &key.private.PublicKey, nil
			}
		}
	}
	return nil, ErrUnknownKey
}

// JWKS is the JSON Web Key Set (RFC 7517) of the published keys.
func (k *Keyring) JWKS(ctx context.Context) ([]byte, error) {
	keys, err := k.published(ctx, keysAtLeast)
	if err != nil {
		return nil, err
	}
	type jwk struct {
		Kty string `json:"kty"`
		Use string `json:"use"`
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range keys {
		n, e := keyNumbers(&key.private.PublicKey)
		set.Keys = append(set.Keys, jwk{"RSA", "sig", "RS256", key.id, n, e})
	}
	return json.Marshal(set)
}

// Rotate makes a new key, which signs after Options.KeyLead; the one it replaces signs until then.
func (k *Keyring) Rotate(ctx context.Context) error {
	return k.rotate(ctx, k.opts.KeyLead, func([]signingKey) bool { return true })
}

// signer is the key that signs now; the first ever is made here.
func (k *Keyring) signer(ctx context.Context) (signingKey, error) {
	if k.fixed != nil {
		return *k.fixed, nil
	}
	keys, err := k.published(ctx, keysFresh)
	if err != nil {
		return signingKey{}, err
	}
	if key, found := signing(keys, k.now()); found {
		return key, nil
	}
	if err := k.rotate(ctx, 0, func(keys []signingKey) bool { _, found := signing(keys, k.now()); return !found }); err != nil {
		return signingKey{}, err
	}
	if keys, err = k.published(ctx, 0); err != nil {
		return signingKey{}, err
	}
	if key, found := signing(keys, k.now()); found {
		return key, nil
	}
	return signingKey{}, errors.New("no signing key")
}

func signing(keys []signingKey, now time.Time) (signingKey, bool) {
	for _, key := range keys {
		if !key.activeAt.After(now) && (key.retiresAt.IsZero() || key.retiresAt.After(now)) {
			return key, true
		}
	}
	return signingKey{}, false
}

// renew rotates when the newest key is older than Options.KeyMaxAge.
func (k *Keyring) renew(ctx context.Context) error {
	if k.opts.KeyMaxAge == 0 || k.fixed != nil {
		return nil
	}
	return k.rotate(ctx, k.opts.KeyLead, func(keys []signingKey) bool {
		return len(keys) > 0 && k.now().Sub(keys[0].activeAt) >= k.opts.KeyMaxAge
	})
}

const (
	lockKeysSQL   = `SELECT pg_advisory_xact_lock(hashtext('micropay auth signing keys'))`
	retireKeysSQL = `UPDATE auth.signing_key SET retires_at = $1 WHERE retires_at IS NULL OR retires_at > $1`
	insertKeySQL  = `INSERT INTO auth.signing_key (kid, private_key, active_at) VALUES ($1, $2, $3)`
	keysSQL       = `SELECT kid, private_key, active_at, retires_at FROM auth.signing_key
		WHERE retires_at IS NULL OR retires_at > $1 ORDER BY active_at DESC, kid`
)

// rotate adds a key if needed still holds when no other replica can add one.
func (k *Keyring) rotate(ctx context.Context, lead time.Duration, needed func([]signingKey) bool) error {
	err := database.InTx(ctx, k.db, nil, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, lockKeysSQL); err != nil {
			return err
		}
		keys, err := k.load(ctx, tx)
		if err != nil || !needed(keys) {
			return err
		}
		private, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return err
		}
		active := k.now().Add(lead)
		if _, err := tx.ExecContext(ctx, retireKeysSQL, active); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, insertKeySQL, thumbprint(&private.PublicKey), der, active)
		return err
	})
	if err != nil {
		return fmt.Errorf("rotate signing key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loaded = time.Time{}
	return nil
}

// published are the keys whose tokens may still be alive, no older than fresh. While the database
// does not answer, the keys known already keep verifying.
func (k *Keyring) published(ctx context.Context, fresh time.Duration) ([]signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); k.loaded.IsZero() || now.Sub(k.loaded) >= fresh {
		keys, err := k.load(ctx, k.db)
		switch {
		case err == nil:
			if k.fixed != nil {
				keys = append([]signingKey{*k.fixed}, keys...)
			}
			k.keys, k.loaded = keys, now
		case len(k.keys) == 0:
			return nil, fmt.Errorf("load signing keys: %w", err)
		default:
			k.loaded = now // do not ask again at once
		}
	}
	return k.keys, nil
}

func (k *Keyring) load(ctx context.Context, q sqlx.QueryerContext) ([]signingKey, error) {
	var rows []struct {
		ID        string       `db:"kid"`
		DER       []byte       `db:"private_key"`
		ActiveAt  time.Time    `db:"active_at"`
		RetiresAt sql.NullTime `db:"retires_at"`
	}
	oldest := k.now().Add(-k.opts.AccessTTL - k.opts.Leeway - keysFresh) // a replica may sign that much late
	if err := sqlx.SelectContext(ctx, q, &rows, keysSQL, oldest); err != nil {
		return nil, err
	}
	keys := make([]signingKey, len(rows))
	for i, row := range rows {
		parsed, err := x509.ParsePKCS8PrivateKey(row.DER)
		private, ok := parsed.(*rsa.PrivateKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("stored signing key %s is no RSA key: %w", row.ID, err)
		}
		keys[i] = signingKey{row.ID, private, row.ActiveAt, row.RetiresAt.Time}
	}
	return keys, nil
}

// thumbprint is the key's id: SHA-256 of its canonical JWK (RFC 7638).
func thumbprint(key *rsa.PublicKey) string {
	n, e := keyNumbers(key)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func keyNumbers(key *rsa.PublicKey) (n, e string) {
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
}
