// Package cognitosim is a stand-in for Amazon Cognito user pools, written from its API reference:
// JSON 1.1 over HTTP, one pool, one app client, RS256 tokens with the claims of Cognito's access
// tokens, and the keys at /<pool>/.well-known/jwks.json.
//
// It does what the real one cannot be asked for in a test: refuse in every documented way, be
// slow, be away, and lose an answer after the deed is done.
package cognitosim

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The one pool and its app client.
const (
	Region       = "eu-central-1"
	PoolID       = "eu-central-1_simulated"
	ClientID     = "app-client-of-the-simulated-pool"
	ClientSecret = "app-client-secret-for-tests"
	AccessTTL    = time.Hour
)

// Settings are what an operator chooses for the pool. The zero value is a client with a secret,
// without rotation, that tells unknown users apart (PreventUserExistenceErrors=LEGACY).
type Settings struct {
	NoSecret bool             // the app client has none
	Rotation bool             // refresh tokens are good once; REFRESH_TOKEN_AUTH is off then
	Hidden   bool             // PreventUserExistenceErrors=ENABLED
	Now      func() time.Time // default time.Now
}

// User is what the pool keeps of somebody.
type User struct {
	Sub, Email, Name, Locale, Password string
	Status                             string // UNCONFIRMED, CONFIRMED, RESET_REQUIRED, FORCE_CHANGE_PASSWORD
	Verified                           bool
	Groups                             []string
	Created                            time.Time
	signUpCode, resetCode              string
}

// session is one sign-in; its refresh token changes where tokens rotate.
type session struct {
	id, sub  string
	authTime time.Time
	dead     bool
	current  string
}

// Sim is a running stand-in.
type Sim struct {
	settings Settings
	server   *httptest.Server
	key      *rsa.PrivateKey

	mu       sync.Mutex
	users    map[string]*User    // by sub
	sessions map[string]*session // by refresh token, used ones too
	access   map[string]*session // by access token
	faults   map[string][]Fault  // by operation, the next ones
	always   map[string]Fault    // by operation, until healed
	calls    map[string]int
	keysDown bool
}

// signingKey is made once for the whole test binary: making one takes a tenth of a second.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // no randomness: nothing can be tested
	}
	return key
})

// New starts a stand-in that stops with the test.
func New(t testing.TB, settings Settings) *Sim {
	t.Helper()
	if settings.Now == nil {
		settings.Now = time.Now
	}
	s := &Sim{
		settings: settings, key: signingKey(), users: map[string]*User{}, sessions: map[string]*session{}, access: map[string]*session{},
		faults: map[string][]Fault{}, always: map[string]Fault{}, calls: map[string]int{},
	}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// URL is where it listens.
func (s *Sim) URL() string { return s.server.URL }

// Issuer is the "iss" of its tokens, which it answers at.
func (s *Sim) Issuer() string { return s.server.URL + "/" + PoolID }

// JWKSURL is where its keys are published.
func (s *Sim) JWKSURL() string { return s.Issuer() + "/.well-known/jwks.json" }

// AWSConfig is a configuration of the SDK that leads here.
func (s *Sim) AWSConfig() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("access-key-for-tests", "secret-for-tests", ""),
	}
}

// Lookup is a copy of the user with this address.
func (s *Sim) Lookup(email string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.find(email); u != nil {
		return *u, true
	}
	return User{}, false
}

// Change lets the operator of the pool change a user.
func (s *Sim) Change(email string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.find(email); u != nil {
		change(u)
	}
}

// SignUpCode is the newest code mailed to prove the address, ResetCode the one to reset the password.
func (s *Sim) SignUpCode(email string) string { u, _ := s.Lookup(email); return u.signUpCode }

// ResetCode is the newest code mailed to reset the password, "" if there is none.
func (s *Sim) ResetCode(email string) string { u, _ := s.Lookup(email); return u.resetCode }

// Alive tells how many sessions of a user can still be refreshed.
func (s *Sim) Alive(sub string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	alive := 0
	for token, session := range s.sessions {
		if session.sub == sub && !session.dead && session.current == token {
			alive++
		}
	}
	return alive
}

// find finds a user by address or sub, as Cognito does where the address is the user name.
func (s *Sim) find(username string) *User {
	for _, u := range s.users {
		if u.Sub == username || u.Email == username {
			return u
		}
	}
	return nil
}
