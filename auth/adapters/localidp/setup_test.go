package localidp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/letters"
	"github.com/micropay/micropay/auth/adapters/localidp"
	"github.com/micropay/micropay/auth/adapters/postgres"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/migrations"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/pgtest"
)

const password = "a river of cold tea"

var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// mailbox keeps what was sent, or fails while err is set.
type mailbox struct {
	mu   sync.Mutex
	sent []ports.Mail
	err  error
}

func (m *mailbox) Send(_ context.Context, mail ports.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.sent = append(m.sent, mail)
	return nil
}

func (m *mailbox) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){2}`)

func (m *mailbox) codes(to domain.Email) (codes []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range m.sent {
		if mail.To == to {
			codes = append(codes, codePattern.FindString(mail.Text))
		}
	}
	return codes
}

// journal is what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(j, nil)) }

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

type bundle struct {
	*localidp.Provider
	db          *pgtest.DB
	clock       *clock
	mail        *mailbox
	log         *journal
	revocations *postgres.Revocations
	opts        localidp.Options
}

func options() localidp.Options {
	return localidp.Options{
		Issuer: "https://pay.example", ClientID: "micropay", AccessTTL: 15 * time.Minute, RefreshTTL: 720 * time.Hour, Leeway: 30 * time.Second,
		Accounts: domain.Throttle{Free: 5, First: time.Second, Longest: 15 * time.Minute, Forget: 24 * time.Hour},
		Networks: domain.Throttle{Free: 50, First: time.Second, Longest: 15 * time.Minute, Forget: time.Hour},
		Argon2:   argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, HashesAtMost: 2,
		VerifyTTL: 24 * time.Hour, ResetTTL: time.Hour, MailsHour: 5, MailEvery: time.Minute,
		SigningKey: signingKey(),
	}
}

func setup(t *testing.T, changes ...func(*localidp.Options)) bundle {
	t.Helper()
	b := bundle{
		db: pgtest.New(t, pgtest.Schema{Name: "auth", FS: migrations.FS}), mail: &mailbox{}, log: &journal{}, opts: options(),
		clock: &clock{now: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)},
	}
	for _, change := range changes {
		change(&b.opts)
	}
	b.Provider = localidp.New(b.db.App, b.mail, letters.New(), b.log.logger(), b.clock.Now, b.opts)
	b.revocations = postgres.NewRevocations(b.db.App)
	return b
}

// replica is another process on the same database.
func (b bundle) replica() *localidp.Provider {
	return localidp.New(b.db.App, b.mail, letters.New(), b.log.logger(), b.clock.Now, b.opts)
}

func (b bundle) register(t *testing.T, address string) ports.Identity {
	t.Helper()
	made, err := b.SignUp(t.Context(), ports.SignUp{Email: email(t, address), Password: password, Name: name(t, "Ann")})
	require.NoError(t, err)
	return made
}

func (b bundle) login(t *testing.T, address, password string) (ports.Tokens, error) {
	t.Helper()
	return b.loginFrom(t, "192.0.2.1", address, password)
}

func (b bundle) loginFrom(t *testing.T, from, address, password string) (ports.Tokens, error) {
	t.Helper()
	done, err := b.Authenticate(t.Context(), ports.Credentials{Email: email(t, address), Password: password, Address: from})
	return done.Tokens, err
}

func (b bundle) mailedCode(t *testing.T, to domain.Email) string {
	t.Helper()
	require.NoError(t, b.SendDueMail(t.Context()))
	codes := b.mail.codes(to)
	require.NotEmpty(t, codes)
	return codes[len(codes)-1]
}

func (b bundle) claims(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(token *jwt.Token) (any, error) {
		return b.Keys().Key(t.Context(), token.Header["kid"].(string))
	}, jwt.WithTimeFunc(b.clock.Now), jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("https://pay.example"))
	require.NoError(t, err)
	return claims
}

func (b bundle) bearer(t *testing.T, token string) ports.Bearer {
	t.Helper()
	claims := b.claims(t, token)
	return ports.Bearer{Subject: claims["sub"].(string), SessionID: claims["origin_jti"].(string), AccessToken: token}
}

func email(t *testing.T, raw string) domain.Email {
	t.Helper()
	e, err := domain.ParseEmail(raw)
	require.NoError(t, err)
	return e
}

func name(t *testing.T, raw string) domain.Name {
	t.Helper()
	n, err := domain.ParseName(raw)
	require.NoError(t, err)
	return n
}

func throttledFor(err error) time.Duration {
	var throttled domain.Throttled
	if errors.As(err, &throttled) {
		return throttled.RetryAfter
	}
	return 0
}

func header(t *testing.T, token string) map[string]string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(token, ".", 2)[0])
	require.NoError(t, err)
	out := map[string]string{}
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}
