package cognito_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/micropay/micropay/auth/adapters/cognito"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/testing/cognitosim"
	"github.com/micropay/micropay/testing/contract/authports"
)

// TestProvider_KeepsTheContract runs the suite for each way a pool can be set up.
func TestProvider_KeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cognitosim.Settings, *cognito.Options){
		"confirmed at once":     func(*cognitosim.Settings, *cognito.Options) {},
		"confirmed by mail":     confirmedByMail,
		"refresh tokens rotate": rotating,
		"unknown users are hidden, no secret": func(s *cognitosim.Settings, o *cognito.Options) {
			s.Hidden, s.NoSecret, o.ClientSecret = true, true, ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authports.Identities(t, func(t *testing.T) authports.IdentityProvider { return simulated(t, change) })
		})
	}
}

// simulated is a provider on a pool of its own, by the real clock.
func simulated(t *testing.T, change func(*cognitosim.Settings, *cognito.Options)) authports.IdentityProvider {
	t.Helper()
	settings, o := cognitosim.Settings{}, options()
	change(&settings, &o)
	sim, revocations := cognitosim.New(t, settings), &feed{}
	idp := authports.IdentityProvider{
		IdentityProvider: cognito.New(sim.AWSConfig(), revocations, slog.New(slog.DiscardHandler), time.Now, o), Revocations: revocations,
		Bearer: bearer, Rotates: o.Rotation, Proof: authports.ProvenFirst,
		MailedCode: func(_ *testing.T, to domain.Email) string {
			if code := sim.ResetCode(to.String()); code != "" {
				return code
			}
			return sim.SignUpCode(to.String())
		},
	}
	if o.AutoConfirm {
		idp.Proof = authports.ProvenAtOnce
	}
	return idp
}
