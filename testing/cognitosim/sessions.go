package cognitosim

import "github.com/google/uuid"

const wrongPassword = "Incorrect username or password."

func (s *Sim) adminInitiateAuth(in request) (any, *exception) {
	p := in.AuthParameters
	switch in.AuthFlow {
	case "ADMIN_USER_PASSWORD_AUTH":
		if wrong := s.wrongHash(p["USERNAME"], p["SECRET_HASH"]); wrong != nil {
			return nil, wrong
		}
		return s.signIn(p["USERNAME"], p["PASSWORD"])
	case "REFRESH_TOKEN_AUTH":
		if s.settings.Rotation {
			return refuse("InvalidParameterException", "Auth flow not enabled for this client")
		}
		of := s.sessions[p["REFRESH_TOKEN"]]
		if of == nil {
			return refuse("NotAuthorizedException", "Invalid Refresh Token")
		}
		if wrong := s.wrongHash(of.sub, p["SECRET_HASH"]); wrong != nil { // of the user's real name
			return nil, wrong
		}
		if of.dead {
			return refuse("NotAuthorizedException", "Refresh Token has been revoked")
		}
		return s.tokens(of, false), nil
	}
	return refuse("InvalidParameterException", "Auth flow not enabled for this client")
}

func (s *Sim) signIn(username, password string) (any, *exception) {
	u := s.find(username)
	switch {
	case password == "":
		return refuse("InvalidParameterException", "Missing required parameter PASSWORD")
	case u == nil && !s.settings.Hidden:
		return refuse("UserNotFoundException", "User does not exist.")
	case u == nil:
		return refuse("NotAuthorizedException", wrongPassword)
	case u.Status == "RESET_REQUIRED":
		return refuse("PasswordResetRequiredException", "Password reset required for the user")
	case u.Password != password:
		return refuse("NotAuthorizedException", wrongPassword)
	case u.Status == "UNCONFIRMED":
		return refuse("UserNotConfirmedException", "User is not confirmed.")
	case u.Status == "FORCE_CHANGE_PASSWORD":
		return map[string]any{"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": uuid.NewString(), "ChallengeParameters": nothing}, nil
	}
	return s.tokens(&session{id: uuid.NewString(), sub: u.Sub, authTime: s.settings.Now()}, true), nil
}

func (s *Sim) fromRefreshToken(in request) (any, *exception) {
	of := s.sessions[in.RefreshToken]
	switch {
	case !s.settings.NoSecret && in.ClientSecret != ClientSecret:
		return refuse("NotAuthorizedException", "Client secret does not match")
	case of == nil || of.dead:
		return refuse("NotAuthorizedException", "Invalid Refresh Token")
	case of.current != in.RefreshToken:
		return refuse("RefreshTokenReuseException", "Refresh token has been reused")
	}
	return s.tokens(of, s.settings.Rotation), nil
}

func (s *Sim) revoke(in request) (any, *exception) {
	if !s.settings.NoSecret && in.ClientSecret != ClientSecret {
		return refuse("UnauthorizedException", "Client secret does not match")
	}
	if of := s.sessions[in.Token]; of != nil {
		of.dead = true
	}
	return nothing, nil
}

func (s *Sim) globalSignOut(in request) (any, *exception) {
	u := s.find(in.Username)
	if u == nil {
		return refuse("UserNotFoundException", "User does not exist.")
	}
	s.end(u.Sub)
	return nothing, nil
}

// end makes every session of a user unable to go on.
func (s *Sim) end(sub string) {
	for _, of := range s.sessions {
		if of.sub == sub {
			of.dead = true
		}
	}
}

func (s *Sim) changePassword(in request) (any, *exception) {
	of := s.access[in.AccessToken]
	switch {
	case of == nil || of.dead:
		return refuse("NotAuthorizedException", "Access Token has been revoked")
	case !password.MatchString(in.ProposedPassword):
		return constraint("proposedPassword")
	}
	u := s.users[of.sub]
	if u.Password != in.PreviousPassword {
		return refuse("NotAuthorizedException", wrongPassword)
	}
	u.Password = in.ProposedPassword
	return nothing, nil
}

func (s *Sim) forgot(in request) (any, *exception) {
	if wrong := s.wrongHash(in.Username, in.SecretHash); wrong != nil {
		return nil, wrong
	}
	u := s.find(in.Username)
	switch {
	case u == nil && !s.settings.Hidden:
		return refuse("UserNotFoundException", "Username/client id combination not found.")
	case u == nil:
	case u.Status == "FORCE_CHANGE_PASSWORD":
		return refuse("NotAuthorizedException", "User password cannot be reset in the current state.")
	case !u.Verified:
		return refuse("InvalidParameterException", "Cannot reset password for the user as there is no registered/verified email or phone_number")
	default:
		u.resetCode = code()
	}
	return map[string]any{"CodeDeliveryDetails": map[string]string{"DeliveryMedium": "EMAIL", "AttributeName": "email"}}, nil
}

func (s *Sim) confirmForgot(in request) (any, *exception) {
	if wrong := s.wrongHash(in.Username, in.SecretHash); wrong != nil {
		return nil, wrong
	}
	u := s.find(in.Username)
	switch {
	case !password.MatchString(in.Password):
		return constraint("password")
	case u == nil && !s.settings.Hidden:
		return refuse("UserNotFoundException", "Username/client id combination not found.")
	case u == nil || u.resetCode == "":
		return refuse("ExpiredCodeException", "Invalid code provided, please request a code again.")
	case u.resetCode != in.ConfirmationCode:
		return refuse("CodeMismatchException", "Invalid verification code provided, please try again.")
	}
	u.Password, u.resetCode, u.Status = in.Password, "", "CONFIRMED"
	return nothing, nil
}
