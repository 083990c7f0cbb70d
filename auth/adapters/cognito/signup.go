package cognito

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// SignUp makes an identity; Cognito mails the confirmation code unless AutoConfirm. It is not
// repeated when no answer came: the caller does that, and finds it finished by signUpAgain.
func (p *Provider) SignUp(ctx context.Context, in ports.SignUp) (ports.Identity, error) {
	address := in.Email.String()
	made, err := call(ctx, p, p.client.SignUp, &cip.SignUpInput{
		ClientId: &p.opts.ClientID, SecretHash: p.secretHash(address), Username: &address, Password: &in.Password,
		UserAttributes: attributes(in),
	}, p.once)
	if errors.Is(err, domain.ErrEmailTaken) {
		return p.signUpAgain(ctx, address, in.Password)
	}
	if err != nil {
		return ports.Identity{}, fmt.Errorf("sign up: %w", err)
	}
	ctx, cancel := settled(ctx)
	defer cancel()
	identity := ports.Identity{Subject: aws.ToString(made.UserSub), Email: in.Email, Name: in.Name, Locale: in.Locale, CreatedAt: p.now().UTC()}
	if p.opts.AutoConfirm {
		if err := p.confirm(ctx, identity.Subject); err != nil {
			return ports.Identity{}, fmt.Errorf("sign up: %w", err)
		}
		identity.EmailVerified = true
	}
	if known, _, err := p.find(ctx, identity.Subject); err == nil { // only the time of creation is news
		identity = known
	}
	return identity, nil
}

// signUpAgain is for an address that has a user who may be the work of an earlier call that was
// cut short. With AutoConfirm that is finished, and who knows the password is the person who
// began it; else the address gets another code, and signing in goes on from there.
func (p *Provider) signUpAgain(ctx context.Context, address, password string) (ports.Identity, error) {
	identity, status, err := p.find(ctx, address)
	switch {
	case err != nil:
		return ports.Identity{}, fmt.Errorf("sign up again: %w", instead(err, domain.ErrEmailTaken))
	case status != types.UserStatusTypeUnconfirmed:
		return ports.Identity{}, domain.ErrEmailTaken
	case !p.opts.AutoConfirm:
		// Cognito limits these by itself; what goes wrong is in the log, and changes no answer.
		_, _ = call(ctx, p, p.client.ResendConfirmationCode, &cip.ResendConfirmationCodeInput{
			ClientId: &p.opts.ClientID, SecretHash: p.secretHash(address), Username: &address,
		}, p.once)
		return ports.Identity{}, domain.ErrEmailTaken
	}
	if err := p.confirm(ctx, identity.Subject); err != nil {
		return ports.Identity{}, fmt.Errorf("sign up again: %w", err)
	}
	switch proof, err := p.signIn(ctx, address, password); {
	case errors.Is(err, domain.ErrInvalidCredentials):
		return ports.Identity{}, domain.ErrEmailTaken
	case err != nil:
		return ports.Identity{}, fmt.Errorf("sign up again: %w", err)
	default:
		p.discard(ctx, aws.ToString(proof.RefreshToken))
	}
	identity.EmailVerified = true
	return identity, nil
}

// confirm takes an address for proven. The attribute comes first: a user who is confirmed has a
// proven address, however this is cut short.
func (p *Provider) confirm(ctx context.Context, subject string) error {
	if err := p.markVerified(ctx, subject); err != nil {
		return err
	}
	_, err := call(ctx, p, p.client.AdminConfirmSignUp, &cip.AdminConfirmSignUpInput{UserPoolId: &p.opts.UserPoolID, Username: &subject})
	if errors.Is(err, errConfirmed) {
		return nil
	}
	return err
}

func (p *Provider) markVerified(ctx context.Context, subject string) error {
	_, err := call(ctx, p, p.client.AdminUpdateUserAttributes, &cip.AdminUpdateUserAttributesInput{
		UserPoolId: &p.opts.UserPoolID, Username: &subject, UserAttributes: []types.AttributeType{attribute("email_verified", "true")},
	})
	return err
}

func attributes(in ports.SignUp) []types.AttributeType {
	all := []types.AttributeType{attribute("email", in.Email.String()), attribute("name", in.Name.String())}
	if in.Locale != "" {
		all = append(all, attribute("locale", string(in.Locale)))
	}
	return all
}

func attribute(name, value string) types.AttributeType {
	return types.AttributeType{Name: &name, Value: &value}
}

// Confirm proves the address by the code that Cognito mailed.
func (p *Provider) Confirm(ctx context.Context, email domain.Email, typed string) (ports.Identity, error) {
	code, err := parseCode(typed)
	if err != nil {
		return ports.Identity{}, err
	}
	address := email.String()
	if _, err := call(ctx, p, p.client.ConfirmSignUp, &cip.ConfirmSignUpInput{
		ClientId: &p.opts.ClientID, SecretHash: p.secretHash(address), Username: &address, ConfirmationCode: &code,
	}, p.once); err != nil {
		return ports.Identity{}, fmt.Errorf("confirm: %w", err)
	}
	ctx, cancel := settled(ctx)
	defer cancel()
	identity, _, err := p.find(ctx, address)
	if err != nil {
		return ports.Identity{}, fmt.Errorf("confirm: %w", instead(err, domain.ErrInvalidCode))
	}
	identity.EmailVerified = true
	return identity, nil
}

const maxCode = 2048 // bytes; Cognito's own bound

// parseCode takes a code as people type it, with spaces and dashes anywhere. What cannot be a
// code is ErrInvalidCode, and Cognito is not asked.
func parseCode(typed string) (string, error) {
	code := strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, typed)
	if code == "" || len(code) > maxCode {
		return "", domain.ErrInvalidCode
	}
	return code, nil
}

// find reads a user by address or subject. ErrUserUnknown.
func (p *Provider) find(ctx context.Context, username string) (ports.Identity, types.UserStatusType, error) {
	user, err := call(ctx, p, p.client.AdminGetUser, &cip.AdminGetUserInput{UserPoolId: &p.opts.UserPoolID, Username: &username})
	if err != nil {
		return ports.Identity{}, "", err
	}
	attributes := map[string]string{}
	for _, a := range user.UserAttributes {
		attributes[aws.ToString(a.Name)] = aws.ToString(a.Value)
	}
	identity := ports.Identity{
		Subject: attributes["sub"], EmailVerified: attributes["email_verified"] == "true", CreatedAt: aws.ToTime(user.UserCreateDate).UTC(),
	}
	if identity.Email, err = domain.ParseEmail(attributes["email"]); err != nil {
		return ports.Identity{}, "", fmt.Errorf("user %s of the pool: %w", identity.Subject, err)
	}
	if identity.Name, err = domain.ParseName(attributes["name"]); err != nil {
		identity.Name, err = domain.ParseName(attributes["email"]) // an administrator made the user, and asked for no name
	}
	if err != nil {
		return ports.Identity{}, "", fmt.Errorf("user %s of the pool: %w", identity.Subject, err)
	}
	if locale, err := domain.ParseLocale(attributes["locale"]); err == nil { // a pool may keep any, or none
		identity.Locale = locale
	}
	return identity, user.UserStatus, nil
}
