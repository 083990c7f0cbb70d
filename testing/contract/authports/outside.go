package authports

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
)

// Mailer is the suite of ports.Mailer; inbox reads what arrived, oldest first.
func Mailer(t *testing.T, open func(*testing.T) (mailer ports.Mailer, inbox func() []ports.Mail)) {
	t.Run("a message arrives once, at its one recipient, as it was written", func(t *testing.T) {
		t.Parallel()
		mailer, inbox := open(t)
		sent := ports.Mail{To: email(t, "ann@example.com"), Subject: "Grüße & <b>{{.Secret}}</b>", Text: "ünï \u202e\n\nBcc: eve@example.com\n.\nend\n"}
		require.NoError(t, mailer.Send(t.Context(), sent))
		require.Equal(t, []ports.Mail{sent}, inbox())
	})
	t.Run("a message in both forms arrives in both", func(t *testing.T) {
		t.Parallel()
		mailer, inbox := open(t)
		sent := ports.Mail{
			To: email(t, "ann@example.com"), Subject: "Señal", Text: "--\n--x--\nünï = \u202e\n " + strings.Repeat("long ", 400) + "\n",
			HTML: "<!doctype html>\n<p title=\"a=b\">ünï &amp; " + strings.Repeat("long ", 400) + "</p>\n\nContent-Type: text/plain\n\n.\n",
		}
		require.NoError(t, mailer.Send(t.Context(), sent))
		require.Equal(t, []ports.Mail{sent}, inbox())
	})
	t.Run("no subject adds a header", func(t *testing.T) {
		t.Parallel()
		mailer, inbox := open(t)
		for _, subject := range []string{"Hi\r\nBcc: eve@example.com", "Hi\nBcc: eve@example.com", "Hi\rBcc: eve@example.com"} {
			err := mailer.Send(t.Context(), ports.Mail{To: email(t, "ann@example.com"), Subject: subject, Text: "x"})
			require.ErrorIs(t, err, ports.ErrUndeliverable)
			require.NotContains(t, err.Error(), "@", "no error tells an address")
		}
		require.Empty(t, inbox())
	})
}

// Owner is what the transaction service knows of a person.
type Owner int

// The states of an owner.
const (
	WalletsClosed Owner = iota
	WalletsOpen
	NobodyAnswers
)

// Wallets is the suite of ports.Wallets.
func Wallets(t *testing.T, open func(*testing.T, Owner) ports.Wallets) {
	for name, c := range map[string]struct {
		owner Owner
		want  error
	}{
		"closed wallets are no obstacle":                  {WalletsClosed, nil},
		"open wallets are one":                            {WalletsOpen, domain.ErrWalletsNotClosed},
		"without an answer nothing is taken to be closed": {NobodyAnswers, ports.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wallets := open(t, c.owner)
			for range 2 { // it may be asked again
				require.ErrorIs(t, wallets.CloseOwner(t.Context(), "01890000-0000-7000-8000-000000000000"), c.want)
			}
		})
	}
}

// Text is the suite of ports.Text.
func Text(t *testing.T, text ports.Text) {
	t.Run("one password has one form, however it is typed", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, text.NFKC("café"), text.NFKC("cafe\u0301"))
		require.Equal(t, "fi 1", text.NFKC("ﬁ １"))
		require.NotEqual(t, text.NFKC("pass"), text.NFKC("PASS"))
	})
	t.Run("one domain has one form, and look-alikes are others", func(t *testing.T) {
		t.Parallel()
		forms := map[string][]string{
			"example.com":           {"example.com", "EXAMPLE.com", "ｅｘａｍｐｌｅ.com"},
			"xn--bcher-kva.example": {"bücher.example", "BU\u0308CHER.example", "xn--bcher-kva.example"},
			"xn--exmple-4nf.com":    {"ex\u0430mple.com"},
		}
		for want, spellings := range forms {
			for _, spelling := range spellings {
				got, err := text.HostName(spelling)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		}
		for _, none := range []string{"", "a..b", "-a.example", "a b.example", "0\xc30"} {
			_, err := text.HostName(none)
			require.Error(t, err, none)
		}
	})
}
