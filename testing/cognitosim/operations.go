package cognitosim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// request is the members of all the operations' inputs.
type request struct {
	UserPoolID, ClientID, ClientSecret                           string
	Username, Password, SecretHash                               string
	ConfirmationCode, AccessToken, PreviousPassword, NewPassword string
	Token, RefreshToken, AuthFlow                                string
	UserAttributes                                               []attribute
	AuthParameters                                               map[string]string
	ProposedPassword                                             string
}

type attribute struct{ Name, Value string }

// perform does what an operation does.
func (s *Sim) perform(operation string, in request) (any, *exception) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.UserPoolID != "" && in.UserPoolID != PoolID || in.ClientID != "" && in.ClientID != ClientID {
		return nil, &exception{kind: "ResourceNotFoundException", message: "User pool client does not exist."}
	}
	do, known := map[string]func(request) (any, *exception){
		"SignUp": s.signUp, "ConfirmSignUp": s.confirmSignUp, "ResendConfirmationCode": s.resend,
		"AdminConfirmSignUp": s.adminConfirm, "AdminUpdateUserAttributes": s.adminUpdate, "AdminGetUser": s.adminGet, "AdminDeleteUser": s.adminDelete,
		"AdminInitiateAuth": s.adminInitiateAuth, "GetTokensFromRefreshToken": s.fromRefreshToken, "RevokeToken": s.revoke,
		"AdminUserGlobalSignOut": s.globalSignOut,
		"ChangePassword":         s.changePassword, "ForgotPassword": s.forgot, "ConfirmForgotPassword": s.confirmForgot,
	}[operation]
	if !known {
		return nil, &exception{kind: "UnknownOperationException"}
	}
	return do(in)
}

var (
	nothing  = map[string]any{}
	password = regexp.MustCompile(`^\S+.*\S+$`) // the constraint of every password that is set
)

func refuse(kind, format string, args ...any) (any, *exception) {
	return nil, &exception{kind: kind, message: fmt.Sprintf(format, args...)}
}

func constraint(member string) (any, *exception) {
	return refuse("InvalidParameterException", "1 validation error detected: Value at '%s' failed to satisfy constraint: "+
		`Member must satisfy regular expression pattern: ^[\S]+.*[\S]+$`, member)
}

// wrongHash is the refusal of a call whose secret hash is not that of this user name.
func (s *Sim) wrongHash(username, hash string) *exception {
	mac := hmac.New(sha256.New, []byte(ClientSecret))
	mac.Write([]byte(username + ClientID))
	if s.settings.NoSecret && hash == "" || !s.settings.NoSecret && hash == base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		return nil
	}
	return &exception{kind: "NotAuthorizedException", message: "Unable to verify secret hash for client " + ClientID}
}

func code() string { return fmt.Sprintf("%06d", rand.IntN(1_000_000)) }

func (s *Sim) signUp(in request) (any, *exception) {
	if wrong := s.wrongHash(in.Username, in.SecretHash); wrong != nil {
		return nil, wrong
	}
	if !password.MatchString(in.Password) {
		return constraint("password")
	}
	if s.find(in.Username) != nil {
		return refuse("UsernameExistsException", "An account with the given email already exists.")
	}
	u := &User{
		Sub: uuid.NewString(), Email: in.Username, Password: in.Password, Status: "UNCONFIRMED", Created: s.settings.Now(), signUpCode: code(),
	}
	u.set(in.UserAttributes)
	s.users[u.Sub] = u
	return map[string]any{"UserConfirmed": false, "UserSub": u.Sub}, nil
}

func (u *User) set(attributes []attribute) {
	for _, a := range attributes {
		switch a.Name {
		case "email":
			u.Email = a.Value
		case "name":
			u.Name = a.Value
		case "locale":
			u.Locale = a.Value
		case "email_verified":
			u.Verified = a.Value == "true"
		}
	}
}

func (s *Sim) resend(in request) (any, *exception) {
	if wrong := s.wrongHash(in.Username, in.SecretHash); wrong != nil {
		return nil, wrong
	}
	u := s.find(in.Username)
	switch {
	case u == nil:
		return refuse("UserNotFoundException", "Username/client id combination not found.")
	case u.Status != "UNCONFIRMED":
		return refuse("InvalidParameterException", "User is already confirmed.")
	}
	u.signUpCode = code()
	return nothing, nil
}

func (s *Sim) confirmSignUp(in request) (any, *exception) {
	if wrong := s.wrongHash(in.Username, in.SecretHash); wrong != nil {
		return nil, wrong
	}
	u := s.find(in.Username)
	switch {
	case in.ConfirmationCode == "" || strings.ContainsAny(in.ConfirmationCode, " "):
		return constraint("confirmationCode")
	case u == nil && s.settings.Hidden:
		return refuse("ExpiredCodeException", "Invalid code provided, please request a code again.")
	case u == nil:
		return refuse("UserNotFoundException", "Username/client id combination not found.")
	case u.Status != "UNCONFIRMED":
		return refuse("NotAuthorizedException", "User cannot be confirmed. Current status is %s", u.Status)
	case u.signUpCode != in.ConfirmationCode:
		return refuse("CodeMismatchException", "Invalid verification code provided, please try again.")
	}
	u.Status, u.Verified, u.signUpCode = "CONFIRMED", true, ""
	return nothing, nil
}

func (s *Sim) adminConfirm(in request) (any, *exception) {
	u := s.find(in.Username)
	switch {
	case u == nil:
		return refuse("UserNotFoundException", "User does not exist.")
	case u.Status != "UNCONFIRMED":
		return refuse("NotAuthorizedException", "User cannot be confirmed. Current status is %s", u.Status)
	}
	u.Status = "CONFIRMED"
	return nothing, nil
}

func (s *Sim) adminUpdate(in request) (any, *exception) {
	u := s.find(in.Username)
	if u == nil {
		return refuse("UserNotFoundException", "User does not exist.")
	}
	u.set(in.UserAttributes)
	return nothing, nil
}

func (s *Sim) adminGet(in request) (any, *exception) {
	u := s.find(in.Username)
	if u == nil {
		return refuse("UserNotFoundException", "User does not exist.")
	}
	return map[string]any{
		"Username": u.Sub, "UserStatus": u.Status, "Enabled": true, "UserCreateDate": float64(u.Created.UnixMilli()) / 1000,
		"UserAttributes": []attribute{
			{"sub", u.Sub}, {"email", u.Email}, {"name", u.Name}, {"locale", u.Locale}, {"email_verified", fmt.Sprint(u.Verified)},
		},
	}, nil
}

func (s *Sim) adminDelete(in request) (any, *exception) {
	u := s.find(in.Username)
	if u == nil {
		return refuse("UserNotFoundException", "User does not exist.")
	}
	s.end(u.Sub)
	delete(s.users, u.Sub)
	return nothing, nil
}
