package cognito

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// ChangePassword replaces the password of a bearer who knows the current one, and ends every
// session of the person, the bearer's own too. They end in the feed before the password is new:
// whatever is cut short afterwards, nobody stays in whom the new password should keep out. Cognito
// changes it for the session that proved the current one, so that it does not matter what the
// bearer's own token may do there.
func (p *Provider) ChangePassword(ctx context.Context, who ports.Bearer, current, next string) error {
	proof, err := p.signIn(ctx, who.Subject, current)
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	ctx, cancel := settled(ctx)
	defer cancel()
	if err := p.recordAll(ctx, who); err != nil {
		p.discard(ctx, aws.ToString(proof.RefreshToken))
		return fmt.Errorf("change password: %w", err)
	}
	_, err = call(ctx, p, p.client.ChangePassword, &cip.ChangePasswordInput{
		AccessToken: proof.AccessToken, PreviousPassword: &current, ProposedPassword: &next,
	}, p.once)
	if err := errors.Join(p.unlessTaken(ctx, err, who.Subject, next), p.signOutAll(ctx, who.Subject)); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// ForgotPassword has Cognito mail a reset code, if it can.
func (p *Provider) ForgotPassword(ctx context.Context, email domain.Email) error {
	address := email.String()
	_, err := call(ctx, p, p.client.ForgotPassword, &cip.ForgotPasswordInput{
		ClientId: &p.opts.ClientID, SecretHash: p.secretHash(address), Username: &address,
	}, p.once)
	if err != nil && !errors.Is(err, errNoMail) {
		return fmt.Errorf("forgot password: %w", err)
	}
	return nil
}

// ResetPassword sets a password by the code that Cognito mailed, and ends every session.
func (p *Provider) ResetPassword(ctx context.Context, email domain.Email, typed, next string) (ports.Identity, error) {
	code, err := parseCode(typed)
	if err != nil {
		return ports.Identity{}, err
	}
	address := email.String()
	_, err = call(ctx, p, p.client.ConfirmForgotPassword, &cip.ConfirmForgotPasswordInput{
		ClientId: &p.opts.ClientID, SecretHash: p.secretHash(address), Username: &address, ConfirmationCode: &code, Password: &next,
	}, p.once)
	ctx, cancel := settled(ctx)
	defer cancel()
	if err = p.unlessTaken(ctx, err, address, next); err != nil {
		return ports.Identity{}, fmt.Errorf("reset password: %w", err)
	}
	identity, _, err := p.find(ctx, address)
	if err != nil {
		return ports.Identity{}, fmt.Errorf("reset password: %w", instead(err, domain.ErrInvalidCode))
	}
	if err := errors.Join(p.GlobalSignOut(ctx, ports.Bearer{Subject: identity.Subject}), p.markVerified(ctx, identity.Subject)); err != nil {
		return ports.Identity{}, fmt.Errorf("reset password: %w", err)
	}
	identity.EmailVerified = true
	return identity, nil
}

// unlessTaken forgives a call that was to set a password and whose answer was lost, if the
// password is taken now.
func (p *Provider) unlessTaken(ctx context.Context, err error, username, password string) error {
	if !errors.Is(err, ports.ErrUnavailable) {
		return err
	}
	proof, failed := p.signIn(ctx, username, password)
	if failed != nil {
		return err
	}
	p.discard(ctx, aws.ToString(proof.RefreshToken))
	return nil
}

// Delete forgets the identity and refuses every token it ever had. Cognito comes first: until
// the identity is gone the bearer's token works, so that the call can be made again.
func (p *Provider) Delete(ctx context.Context, subject string) error {
	_, err := call(ctx, p, p.client.AdminDeleteUser, &cip.AdminDeleteUserInput{UserPoolId: &p.opts.UserPoolID, Username: &subject})
	if err != nil && !errors.Is(err, domain.ErrUserUnknown) {
		return fmt.Errorf("delete identity: %w", err)
	}
	ctx, cancel := settled(ctx)
	defer cancel()
	if err := p.record(ctx, ports.RevokedUser, subject); err != nil {
		return fmt.Errorf("delete identity: %w", err)
	}
	return nil
}
