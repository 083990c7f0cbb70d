package cognito_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/cognitosim"
)

const (
	password    = "a river of cold tea"
	newPassword = "two oxen in the rain"
)

// clock is a clock that stands still until it is moved; who waits moves it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
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

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.waits = append(c.waits, d)
	c.mu.Unlock()
	c.advance(d)
	return ctx.Err()
}

// logs is what the operator reads.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type bundle struct {
	*cognito.Provider
	sim   *cognitosim.Sim
	feed  *feed
	clock *clock
	logs  *logs
}

func options() cognito.Options {
	return cognito.Options{
		UserPoolID: cognitosim.PoolID, ClientID: cognitosim.ClientID, ClientSecret: cognitosim.ClientSecret,
		AutoConfirm: true, Timeout: 5 * time.Second, RefreshTTL: 720 * time.Hour, LongestBackoff: time.Millisecond,
	}
}

// setup is a provider on a pool of its own, with a clock that stands still.
func setup(t *testing.T, changes ...func(*cognitosim.Settings, *cognito.Options)) bundle {
	t.Helper()
	b := bundle{feed: &feed{}, logs: &logs{}, clock: &clock{now: time.Date(2026, 1, 2, 12, 0, 0, 300e6, time.UTC)}}
	settings, o := cognitosim.Settings{Now: b.clock.Now}, options()
	o.Wait = b.clock.wait
	for _, change := range changes {
		change(&settings, &o)
	}
	b.sim = cognitosim.New(t, settings)
	b.Provider = cognito.New(b.sim.AWSConfig(), b.feed, slog.New(slog.NewTextHandler(b.logs, nil)), b.clock.Now, o)
	return b
}

func confirmedByMail(_ *cognitosim.Settings, o *cognito.Options) { o.AutoConfirm = false }

func rotating(s *cognitosim.Settings, o *cognito.Options) { s.Rotation, o.Rotation = true, true }

func signUp(t *testing.T, password string) ports.SignUp {
	t.Helper()
	return ports.SignUp{Email: email(t, "ann@example.com"), Password: password, Name: name(t, "Ann")}
}

// ann signs up and in.
func (b bundle) ann(t *testing.T) ports.Authenticated {
	t.Helper()
	_, err := b.SignUp(t.Context(), signUp(t, password))
	require.NoError(t, err)
	done, err := b.login(t, password)
	require.NoError(t, err)
	return done
}

func (b bundle) login(t *testing.T, password string) (ports.Authenticated, error) {
	t.Helper()
	return b.Authenticate(t.Context(), ports.Credentials{Email: email(t, "ann@example.com"), Password: password})
}

func (b bundle) dead(t *testing.T, access string) bool {
	t.Helper()
	claims, who := read(t, access), bearer(t, access)
	at, err := claims.GetIssuedAt()
	require.NoError(t, err)
	dead, err := b.feed.Revoked(t.Context(), who.Subject, who.SessionID, at.Time)
	require.NoError(t, err)
	return dead
}

func read(t *testing.T, access string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(access, claims)
	require.NoError(t, err)
	return claims
}

func bearer(t *testing.T, access string) ports.Bearer {
	t.Helper()
	claims := read(t, access)
	return ports.Bearer{Subject: claims["sub"].(string), SessionID: claims["origin_jti"].(string), AccessToken: access}
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
