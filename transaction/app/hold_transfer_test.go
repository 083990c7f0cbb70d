package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func held(status domain.HoldStatus) domain.Hold {
	return domain.Hold{
		ID: "h1", Owner: "alice", ToOwner: "bob", From: "w1", To: "w2", Amount: usd(1000), Description: "lunch", Status: status,
		ExpiresAt: noon.Add(time.Hour),
	}
}

func holdCommand() app.TransferCommand {
	return app.TransferCommand{Caller: alice, From: "w1", To: "w2", Amount: usd(1000), Description: "lunch", Key: key("k1")}
}

func (b *bundle) availableIn(wallet domain.WalletID, amount int64) {
	b.holds.EXPECT().Available(gomock.Any(), wallet).Return(amount, nil)
}

func TestHoldTransfer_KeepsTheMoneyForAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := held(domain.HoldPending)
	want.ID, want.ToOwner = "id1", ""
	b.holds.EXPECT().Place(gomock.Any(), want, key("k1")).Return(held(domain.HoldPending), true, nil)
	b.availableIn("w1", 500)
	r, err := b.HoldTransfer(t.Context(), holdCommand())
	require.NoError(t, err)
	require.Equal(t, domain.HoldReceipt{Hold: held(domain.HoldPending), Available: usd(500), Replayed: true}, r)
}

func TestHoldTransfer_ByEmail_FindsTheRecipient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := holdCommand()
	c.To, c.ToEmail = "", "bob@example.com"
	b.directory.EXPECT().ByEmail(gomock.Any(), "bob@example.com").Return(domain.OwnerID("bob"), nil)
	b.wallets.EXPECT().Receiving(gomock.Any(), domain.OwnerID("bob"), gomock.Any()).Return(domain.WalletID("w2"), nil)
	b.holds.EXPECT().Place(gomock.Any(), gomock.Any(), gomock.Any()).Return(held(domain.HoldPending), false, nil)
	b.availableIn("w1", 0)
	_, err := b.HoldTransfer(t.Context(), c)
	require.NoError(t, err)
	b.directory.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.OwnerID(""), domain.ErrRecipientUnknown)
	_, err = b.HoldTransfer(t.Context(), c)
	require.ErrorIs(t, err, domain.ErrRecipientUnknown)
}

func TestHoldTransfer_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	same := holdCommand()
	same.To = same.From
	_, err := b.HoldTransfer(t.Context(), same)
	require.ErrorIs(t, err, domain.ErrSameWallet)
	b.holds.EXPECT().Place(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.Hold{}, false, domain.ErrInsufficientFunds)
	_, err = b.HoldTransfer(t.Context(), holdCommand())
	require.ErrorIs(t, err, domain.ErrInsufficientFunds)
}

func TestCaptureHold_PostsAPartAndLetsTheRestGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	part := usd(300)
	b.transfers.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k2")).Return(domain.TransferID(""), nil)
	b.holds.EXPECT().Find(gomock.Any(), domain.HoldID("h1")).Return(held(domain.HoldPending), nil)
	want, err := held(domain.HoldPending).Capture(alice, &part, key("k2"))
	require.NoError(t, err)
	b.ledger.EXPECT().Post(gomock.Any(), []domain.Posting{want}).Return(posted(ports.Posted{Transfer: "h1"}), nil)
	sent := domain.Transfer{ID: "h1", From: "w1", To: "w2", FromOwner: "alice", ToOwner: "bob", Amount: usd(300)}
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("h1")).Return(sent, nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), sent, domain.WalletID("w1")).Return(usd(700), nil)
	r, err := b.CaptureHold(t.Context(), alice, "h1", &part, key("k2"))
	require.NoError(t, err)
	require.Equal(t, domain.Receipt{Transfer: sent, Balance: usd(700)}, r)
}

func TestCaptureHold_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k2")).Return(domain.TransferID("h1"), nil)
	sent := domain.Transfer{ID: "h1", From: "w1", To: "w2", FromOwner: "alice", Amount: usd(300)}
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("h1")).Return(sent, nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), sent, domain.WalletID("w1")).Return(usd(700), nil)
	r, err := b.CaptureHold(t.Context(), alice, "h1", nil, key("k2"))
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestCaptureHold_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), domain.ErrKeyReused)
	_, err := b.CaptureHold(t.Context(), alice, "h1", nil, key("k2"))
	require.ErrorIs(t, err, domain.ErrKeyReused)

	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), nil).AnyTimes()
	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Hold{}, domain.ErrTransferNotFound)
	_, err = b.CaptureHold(t.Context(), alice, "h1", nil, key("k2"))
	require.ErrorIs(t, err, domain.ErrTransferNotFound)

	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(held(domain.HoldVoided), nil)
	_, err = b.CaptureHold(t.Context(), alice, "h1", nil, key("k2"))
	require.ErrorIs(t, err, domain.ErrHoldEnded)

	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(held(domain.HoldPending), nil)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{Err: domain.ErrWalletBlocked}), nil)
	_, err = b.CaptureHold(t.Context(), alice, "h1", nil, key("k2"))
	require.ErrorIs(t, err, domain.ErrWalletBlocked)
}

func TestVoidHold_ByEitherSide(t *testing.T) {
	t.Parallel()
	for _, who := range []domain.OwnerID{"alice", "bob"} {
		b := setup(t)
		b.holds.EXPECT().Find(gomock.Any(), domain.HoldID("h1")).Return(held(domain.HoldPending), nil)
		b.holds.EXPECT().Void(gomock.Any(), domain.HoldID("h1")).Return(held(domain.HoldVoided), nil)
		b.holds.EXPECT().Available(gomock.Any(), domain.WalletID("w1")).Return(int64(1500), nil).Times(2)
		r, err := b.VoidHold(t.Context(), domain.Caller{ID: who}, "h1")
		require.NoError(t, err)
		require.Equal(t, domain.HoldReceipt{Hold: held(domain.HoldVoided), Available: usd(1500)}, r)
	}
}

func TestVoidHold_Refusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(held(domain.HoldPending), nil)
	_, err := b.VoidHold(t.Context(), domain.Caller{ID: "mallory"}, "h1")
	require.ErrorIs(t, err, domain.ErrTransferNotFound)

	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Hold{}, ports.ErrUnavailable)
	_, err = b.VoidHold(t.Context(), alice, "h1")
	require.ErrorIs(t, err, ports.ErrUnavailable)

	b.holds.EXPECT().Find(gomock.Any(), gomock.Any()).Return(held(domain.HoldPending), nil).Times(2)
	b.holds.EXPECT().Available(gomock.Any(), gomock.Any()).Return(int64(0), nil).Times(2)
	b.holds.EXPECT().Void(gomock.Any(), gomock.Any()).Return(held(domain.HoldCaptured), nil)
	_, err = b.VoidHold(t.Context(), alice, "h1")
	require.ErrorIs(t, err, domain.ErrHoldEnded)

	b.holds.EXPECT().Void(gomock.Any(), gomock.Any()).Return(domain.Hold{}, ports.ErrUnavailable)
	_, err = b.VoidHold(t.Context(), alice, "h1")
	require.ErrorIs(t, err, ports.ErrUnavailable)
}
