package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func TestListProviders_SaysWhichCanBeUsedNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.ready(time.Minute)
	b.paypal.ready(0)
	require.Equal(t, []app.Availability{
		{Provider: "paypal", Ready: true, Fees: domain.Fees{paypalFee}},
		{Provider: "stripe", RetryAfter: time.Minute},
	}, b.ListProviders())
}

func TestNotice_IsVerifiedThenKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	header, body := http.Header{"Signature": {"x"}}, []byte("{}")
	n := ports.Notification{EventID: "e1", Payment: "p1"}
	b.stripe.notifications.EXPECT().Verify(gomock.Any(), header, body).Return(n, nil)
	b.payments.EXPECT().Notice(gomock.Any(), "stripe", n).Return(true, nil)
	require.NoError(t, b.Notice(t.Context(), "stripe", header, body))

	b.stripe.notifications.EXPECT().Verify(gomock.Any(), gomock.Any(), gomock.Any()).Return(n, nil)
	b.payments.EXPECT().Notice(gomock.Any(), gomock.Any(), gomock.Any()).Return(false, ports.ErrUnavailable)
	require.ErrorIs(t, b.Notice(t.Context(), "stripe", header, body), ports.ErrUnavailable, "it must be told again")
}

func TestNotice_Forged_DoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stripe.notifications.EXPECT().Verify(gomock.Any(), gomock.Any(), gomock.Any()).Return(ports.Notification{}, ports.ErrForged)
	require.ErrorIs(t, b.Notice(t.Context(), "stripe", nil, nil), ports.ErrForged)
	b.stripe.notifications.EXPECT().Verify(gomock.Any(), gomock.Any(), gomock.Any()).Return(ports.Notification{}, errBoom)
	require.ErrorIs(t, b.Notice(t.Context(), "stripe", nil, nil), ports.ErrUnavailable, "it could not be verified now")
	require.ErrorIs(t, b.Notice(t.Context(), "piggybank", nil, nil), domain.ErrProviderUnknown)
	b.Providers["quiet"] = app.Provider{}
	require.ErrorIs(t, b.Notice(t.Context(), "quiet", nil, nil), domain.ErrProviderUnknown)
}

func TestNotice_ThatCannotBeKept_IsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, n := range map[string]ports.Notification{
		"no id": {}, "a long id": {EventID: strings.Repeat("x", 256)}, "NUL in the id": {EventID: "e\x00"}, "NUL in the type": {EventID: "e", Type: "\x00"},
		"NUL in a name": {EventID: "e", ProviderRef: "\x00"}, "no UTF-8": {EventID: "e", Type: "\xff"},
	} {
		b.stripe.notifications.EXPECT().Verify(gomock.Any(), gomock.Any(), gomock.Any()).Return(n, nil)
		require.ErrorIs(t, b.Notice(t.Context(), "stripe", nil, nil), ports.ErrForged, name)
	}
}
