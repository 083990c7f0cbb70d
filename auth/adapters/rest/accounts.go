package rest

import (
	"errors"
	"net/http"
	"time"

	"github.com/micropay/micropay/auth/app"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/shared/httpserver"
	"github.com/micropay/micropay/shared/problem"
)

type userBody struct {
	ID            string    `json:"id"`
	Email         string    `json:"email"`
	Name          string    `json:"name"`
	Locale        string    `json:"locale"`
	EmailVerified bool      `json:"email_verified"`
	CreatedAt     time.Time `json:"created_at"`
}

type userAnswer struct {
	User userBody `json:"user"`
}

func userOf(u domain.User) userAnswer {
	return userAnswer{userBody{u.ID, u.Email.String(), u.Name.String(), string(u.Locale), u.EmailVerified, u.CreatedAt.UTC()}}
}

func (h handlers) register(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Name     string `json:"name"`
		Locale   string `json:"locale"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	user, err := h.app.Register(r.Context(), app.Registration(body))
	if err != nil {
		return httpserver.Reply{}, err
	}
	return reply(http.StatusCreated, userOf(user))
}

func (h handlers) verifyEmail(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Email string `json:"email"`
		Code  string `json:"code"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	return nothing(http.StatusNoContent, h.app.VerifyEmail(r.Context(), body.Email, body.Code))
}

func (h handlers) me(r *http.Request) (httpserver.Reply, error) {
	user, err := h.app.Me(r.Context(), caller(r))
	if err != nil {
		return httpserver.Reply{}, goneIs401(err)
	}
	return reply(http.StatusOK, userOf(user))
}

func (h handlers) changeMe(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Name   *string `json:"name"`
		Locale *string `json:"locale"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	user, err := h.app.ChangeProfile(r.Context(), caller(r), app.ProfileChange(body))
	if err != nil {
		return httpserver.Reply{}, goneIs401(err)
	}
	return reply(http.StatusOK, userOf(user))
}

func (h handlers) deleteMe(r *http.Request) (httpserver.Reply, error) {
	return nothing(http.StatusNoContent, h.app.DeleteMe(r.Context(), caller(r)))
}

func (h handlers) changePassword(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Current string `json:"current_password"`
		New     string `json:"new_password"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	err := h.app.ChangePassword(r.Context(), caller(r), app.PasswordChange{Current: body.Current, New: body.New})
	return nothing(http.StatusNoContent, goneIs401(err))
}

// forgotPassword answers the same whatever the address.
func (h handlers) forgotPassword(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Email string `json:"email"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	return nothing(http.StatusAccepted, h.app.ForgotPassword(r.Context(), body.Email))
}

func (h handlers) resetPassword(r *http.Request) (httpserver.Reply, error) {
	var body struct {
		Email string `json:"email"`
		Code  string `json:"code"`
		New   string `json:"new_password"`
	}
	if err := httpserver.Decode(r, &body); err != nil {
		return httpserver.Reply{}, err
	}
	err := h.app.ResetPassword(r.Context(), app.PasswordReset{Email: body.Email, Code: body.Code, New: body.New})
	return nothing(http.StatusNoContent, err)
}

// goneIs401 turns a bearer who is nobody (any more) into what their token is: no good.
func goneIs401(err error) error {
	if errors.Is(err, domain.ErrUserUnknown) {
		p := problem.New(http.StatusUnauthorized, "invalid_token", "The access token cannot be used.")
		p.Header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
		return p
	}
	return err
}
