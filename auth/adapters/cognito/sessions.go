package cognito

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Authenticate judges a password and starts a session. Cognito slows guessing by itself.
func (p *Provider) Authenticate(ctx context.Context, in ports.Credentials) (ports.Authenticated, error) {
	result, c, err := p.startSession(ctx, in.Email.String(), in.Password)
	if err != nil {
		return ports.Authenticated{}, fmt.Errorf("authenticate: %w", err)
	}
	identity, _, err := p.find(ctx, c.Subject)
	if err != nil {
		return ports.Authenticated{}, fmt.Errorf("authenticate: %w", instead(err, domain.ErrInvalidCredentials))
	}
	return ports.Authenticated{Identity: identity, Tokens: tokens(result, refreshToken{c.Subject, c.Session, aws.ToString(result.RefreshToken)})}, nil
}

// startSession signs in. Cognito tells times in whole seconds, so a token of the very second in
// which all sessions ended would be refused by the feed as one of those: then it waits for the
// next second and signs in again.
func (p *Provider) startSession(ctx context.Context, username, password string) (*types.AuthenticationResultType, claims, error) {
	const tries = 3 // our clock may be ahead of Cognito's by as many seconds
	for try := 1; ; try++ {
		result, err := p.signIn(ctx, username, password)
		if err != nil {
			return nil, claims{}, err
		}
		c, err := readClaims(*result.AccessToken)
		if err != nil {
			return nil, claims{}, err
		}
		dead, err := p.feed.Revoked(ctx, c.Subject, c.Session, c.IssuedAt.Time)
		switch {
		case err != nil:
			return nil, claims{}, err
		case !dead:
			return result, c, nil
		case try == tries:
			return nil, claims{}, fmt.Errorf("every session of the user ends just now: %w", ports.ErrUnavailable)
		}
		now := p.now()
		if err := p.opts.Wait(ctx, now.Truncate(time.Second).Add(time.Second).Sub(now)); err != nil {
			return nil, claims{}, err
		}
	}
}

// signIn has Cognito judge a password.
func (p *Provider) signIn(ctx context.Context, username, password string) (*types.AuthenticationResultType, error) {
	if password == "" {
		return nil, domain.ErrInvalidCredentials // Cognito would call it a malformed request
	}
	parameters := map[string]string{"USERNAME": username, "PASSWORD": password}
	result, err := p.initiate(ctx, "", types.AuthFlowTypeAdminUserPasswordAuth, username, parameters)
	if p.opts.AutoConfirm && errors.Is(err, domain.ErrEmailNotVerified) { // a sign-up was cut short
		if err := p.confirm(ctx, username); err != nil {
			return nil, err
		}
		result, err = p.initiate(ctx, "", types.AuthFlowTypeAdminUserPasswordAuth, username, parameters)
	}
	return result, err
}

// discard ends a session by its refresh token at Cognito. It is a courtesy: who relies on the
// end of a session has it in the feed.
func (p *Provider) discard(ctx context.Context, secret string) {
	_, _ = call(ctx, p, p.client.RevokeToken, &cip.RevokeTokenInput{ClientId: &p.opts.ClientID, ClientSecret: p.secret(), Token: &secret})
}

func (p *Provider) initiate(ctx context.Context, purpose string, flow types.AuthFlowType, username string, parameters map[string]string) (*types.AuthenticationResultType, error) {
	if hash := p.secretHash(username); hash != nil {
		parameters["SECRET_HASH"] = *hash
	}
	out, err := callFor(ctx, p, purpose, p.client.AdminInitiateAuth, &cip.AdminInitiateAuthInput{
		UserPoolId: &p.opts.UserPoolID, ClientId: &p.opts.ClientID, AuthFlow: flow, AuthParameters: parameters,
	})
	if err != nil {
		return nil, err
	}
	if asked := out.ChallengeName; asked != "" {
		p.log.ErrorContext(ctx, "cognito asks for more than a password, which this service does not", "challenge", string(asked))
		return nil, fmt.Errorf("cognito: the pool asks for %s, which this service does not", asked)
	}
	return complete(out.AuthenticationResult)
}

// complete refuses an answer without an access token.
func complete(result *types.AuthenticationResultType) (*types.AuthenticationResultType, error) {
	if result == nil || result.AccessToken == nil {
		return nil, errors.New("cognito: an answer without tokens")
	}
	return result, nil
}

// Refresh has Cognito issue a new access token, and where tokens rotate the next refresh token.
// Cognito does not know of a session that was ended in the feed only: that is looked up before
// anything is given out. What counts is when the session began, for whoever ended all of them
// meant those that went on before, too.
func (p *Provider) Refresh(ctx context.Context, raw string) (ports.Tokens, error) {
	held, err := parseRefreshToken(raw)
	if err != nil {
		return ports.Tokens{}, err
	}
	result, err := p.renew(ctx, held)
	if err != nil {
		return ports.Tokens{}, fmt.Errorf("refresh: %w", err)
	}
	c, err := readClaims(*result.AccessToken)
	if err != nil {
		return ports.Tokens{}, err
	}
	next := refreshToken{c.Subject, c.Session, cmp.Or(aws.ToString(result.RefreshToken), held.secret)} // a rotated one, or the same again
	dead, err := p.feed.Revoked(ctx, c.Subject, c.Session, c.Since.Time)
	switch {
	case err != nil:
		return ports.Tokens{}, fmt.Errorf("refresh: %w", err)
	case dead:
		p.discard(ctx, next.secret)
		return ports.Tokens{}, domain.ErrInvalidRefreshToken
	}
	return tokens(result, next), nil
}

// renew exchanges a refresh token. Where tokens rotate, Cognito allows only the call that was
// made for it, and that says so when a token comes a second time: then its session ends.
func (p *Provider) renew(ctx context.Context, held refreshToken) (*types.AuthenticationResultType, error) {
	if !p.opts.Rotation {
		return p.initiate(ctx, toRefresh, types.AuthFlowTypeRefreshTokenAuth, held.subject, map[string]string{"REFRESH_TOKEN": held.secret})
	}
	out, err := call(ctx, p, p.client.GetTokensFromRefreshToken, &cip.GetTokensFromRefreshTokenInput{
		ClientId: &p.opts.ClientID, ClientSecret: p.secret(), RefreshToken: &held.secret,
	}, p.once)
	switch {
	case errors.Is(err, errReused) && held.session == "":
		return nil, domain.ErrInvalidRefreshToken
	case errors.Is(err, errReused):
		// Only who has seen a token of the session can name it.
		p.log.WarnContext(ctx, "a used refresh token was presented again: session ended", "session", held.session, "user", held.subject)
		return nil, errors.Join(domain.ErrInvalidRefreshToken, p.endSession(ctx, held.session))
	case err != nil:
		return nil, err
	}
	return complete(out.AuthenticationResult)
}

// SignOut ends one session, in the feed only: Cognito ends one by its refresh token, which is not
// at hand here. Refresh refuses it from now on.
func (p *Provider) SignOut(ctx context.Context, who ports.Bearer) error {
	if who.SessionID == "" { // which one is not known
		return p.GlobalSignOut(ctx, who)
	}
	if err := p.endSession(ctx, who.SessionID); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// GlobalSignOut ends all sessions of the person, in the feed first.
func (p *Provider) GlobalSignOut(ctx context.Context, who ports.Bearer) error {
	err := p.recordAll(ctx, who)
	if err == nil {
		err = p.signOutAll(ctx, who.Subject)
	}
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// recordAll puts the end of all sessions into the feed. The bearer's own has a line of its own, so
// that it is over even where our clock is behind the one that its token was issued by.
func (p *Provider) recordAll(ctx context.Context, who ports.Bearer) error {
	if who.SessionID != "" {
		if err := p.endSession(ctx, who.SessionID); err != nil {
			return err
		}
	}
	return p.record(ctx, ports.RevokedUser, who.Subject)
}

// signOutAll has Cognito refuse every refresh token of the person.
func (p *Provider) signOutAll(ctx context.Context, subject string) error {
	_, err := call(ctx, p, p.client.AdminUserGlobalSignOut, &cip.AdminUserGlobalSignOutInput{UserPoolId: &p.opts.UserPoolID, Username: &subject})
	if errors.Is(err, domain.ErrUserUnknown) {
		return nil // nobody, so no session
	}
	return err
}

func (p *Provider) endSession(ctx context.Context, session string) error {
	return p.record(ctx, ports.RevokedSession, session)
}

// record puts a line into the feed that stays as long as a refresh token of the time could live.
func (p *Provider) record(ctx context.Context, kind ports.RevocationKind, id string) error {
	now := p.now().UTC()
	return p.feed.Record(ctx, ports.Revocation{Kind: kind, ID: id, At: now, ExpiresAt: now.Add(p.opts.RefreshTTL)})
}
