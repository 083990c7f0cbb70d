package ses_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/ses"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
)

func TestSend_WhatSESRefuses_IsForEverOrForNow(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		want   error
	}{
		// Documented for SendEmail.
		"AccountSuspendedException":          {http.StatusBadRequest, ports.ErrUnavailable},
		"BadRequestException":                {http.StatusBadRequest, ports.ErrUndeliverable},
		"LimitExceededException":             {http.StatusBadRequest, ports.ErrUnavailable},
		"MailFromDomainNotVerifiedException": {http.StatusBadRequest, ports.ErrUnavailable},
		"MessageRejected":                    {http.StatusBadRequest, ports.ErrUndeliverable},
		"NotFoundException":                  {http.StatusNotFound, ports.ErrUnavailable},
		"SendingPausedException":             {http.StatusBadRequest, ports.ErrUnavailable},
		"TooManyRequestsException":           {http.StatusTooManyRequests, ports.ErrUnavailable},
		// Common to all actions.
		"AccessDeniedException":       {http.StatusForbidden, ports.ErrUnavailable},
		"ExpiredTokenException":       {http.StatusForbidden, ports.ErrUnavailable},
		"IncompleteSignature":         {http.StatusBadRequest, ports.ErrUnavailable},
		"InternalFailure":             {http.StatusInternalServerError, ports.ErrUnavailable},
		"OptInRequired":               {http.StatusForbidden, ports.ErrUnavailable},
		"RequestExpired":              {http.StatusBadRequest, ports.ErrUnavailable},
		"ServiceUnavailable":          {http.StatusServiceUnavailable, ports.ErrUnavailable},
		"ThrottlingException":         {http.StatusBadRequest, ports.ErrUnavailable},
		"UnrecognizedClientException": {http.StatusForbidden, ports.ErrUnavailable},
		"ValidationError":             {http.StatusBadRequest, ports.ErrUndeliverable},
		// Heard of by nobody.
		"SomethingNewException": {http.StatusBadRequest, ports.ErrUnavailable},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			answer := refuse(c.status, code)
			d := newDouble(t, answer, answer, answer, answer, answer)
			err := d.mailer().Send(t.Context(), mail(t))
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, code, "the operator is told why")
			require.ErrorContains(t, err, "request-7")
			require.NotContains(t, err.Error(), "ann", "no error tells the address")
		})
	}
}

func TestMailer_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Mailer(t, func(t *testing.T) (ports.Mailer, func() []ports.Mail) {
		t.Helper()
		d := newDouble(t)
		return d.mailer(), func() []ports.Mail { return d.inbox(t) }
	})
}

func TestSend_OneMessage_IsOneRecipientAndNothingBesides(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	require.NoError(t, d.mailer().Send(t.Context(), mail(t)))
	utf8 := func(text string) map[string]any { return map[string]any{"Data": text, "Charset": "UTF-8"} }
	want := map[string]any{
		"FromEmailAddress": `"MicroPay" <no-reply@pay.example>`,
		"Destination":      map[string]any{"ToAddresses": []any{"ann@example.com"}},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": utf8("Señal"), "Body": map[string]any{"Text": utf8("ünï\n"), "Html": utf8("<p>ünï</p>\n")},
		}},
	}
	require.Equal(t, want, d.bodies[0])
	require.Contains(t, d.headers[0].Get("Authorization"), "/us-east-1/ses/aws4_request")

	mailer := ses.New(d.config(), ses.Options{From: "Peña <no-reply@pay.example>", ConfigurationSet: "letters", Timeout: time.Minute})
	plain := mail(t)
	plain.HTML = ""
	require.NoError(t, mailer.Send(t.Context(), plain))
	require.Equal(t, "=?utf-8?q?Pe=C3=B1a?= <no-reply@pay.example>", d.bodies[1]["FromEmailAddress"])
	require.Equal(t, "letters", d.bodies[1]["ConfigurationSetName"])
	content, _ := d.bodies[1]["Content"].(map[string]any)
	require.Equal(t, map[string]any{"Simple": map[string]any{"Subject": utf8("Señal"), "Body": map[string]any{"Text": utf8("ünï\n")}}}, content)
}

func TestSend_WhatIsThrottledBrokenOrLost_IsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDouble(t, refuse(http.StatusTooManyRequests, "TooManyRequestsException"), hangUp)
	require.NoError(t, d.mailer().Send(t.Context(), mail(t)))
	require.Equal(t, 3, d.called())
	require.Len(t, d.inbox(t), 1)
	d = newDouble(t, refuse(http.StatusServiceUnavailable, "ServiceUnavailable"), page)
	require.NoError(t, d.mailer().Send(t.Context(), mail(t)))
	require.Equal(t, 3, d.called())
}

func TestSend_WhatIsRefusedForEver_IsAskedOnce(t *testing.T) {
	t.Parallel()
	d := newDouble(t, refuse(http.StatusBadRequest, "MessageRejected"))
	require.ErrorIs(t, d.mailer().Send(t.Context(), mail(t)), ports.ErrUndeliverable)
	require.Equal(t, 1, d.called())
}

func TestSend_WithoutAnAnswer_IsUnavailableInTime(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	d := newDouble(t, hang, hang, hang, hang)
	mailer := ses.New(d.config(), ses.Options{From: sender, Timeout: 50 * time.Millisecond})
	err := mailer.Send(t.Context(), mail(t))
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "ann")

	d = newDouble(t, hangUp, hangUp, hangUp, page, page, page)
	for range 2 {
		err = d.mailer().Send(t.Context(), mail(t))
		require.ErrorIs(t, err, ports.ErrUnavailable)
		require.NotContains(t, err.Error(), "ann")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.mailer().Send(ctx, mail(t)), ports.ErrUnavailable)
}

func TestSend_WithoutCredentials_IsUnavailableAndAsksNobody(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	cfg := d.config()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("the role is gone")
	})
	err := ses.New(cfg, ses.Options{From: sender, Timeout: time.Minute}).Send(t.Context(), mail(t))
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.ErrorContains(t, err, "the role is gone")
	require.Zero(t, d.called())
}

func TestSend_ToNobody_IsUndeliverable(t *testing.T) {
	t.Parallel()
	d := newDouble(t)
	require.ErrorIs(t, d.mailer().Send(t.Context(), ports.Mail{Subject: "x", Text: "x"}), ports.ErrUndeliverable)
	require.Zero(t, d.called())
}

func TestOptions_NameTheMistakes(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"no-reply@pay.example", sender, `"Pay, Micro" <no-reply@pay.example>`, "Peña <a@b.example>"} {
		require.NoError(t, ses.Options{From: from}.Validate())
	}
	for _, from := range []string{"", "MicroPay", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", "x\x00 <a@b.example>"} {
		require.ErrorContains(t, ses.Options{From: from}.Validate(), "sender")
	}
	require.NoError(t, ses.Options{From: sender, ConfigurationSet: "letters-1_a"}.Validate())
	for _, set := range []string{"a b", "a\n", strings.Repeat("a", 65), "ñ"} {
		require.ErrorContains(t, ses.Options{From: sender, ConfigurationSet: set}.Validate(), "configuration set")
	}
}
