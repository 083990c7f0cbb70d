package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func command() app.TransferCommand {
	return app.TransferCommand{Caller: alice, From: "w1", To: "w2", Amount: usd(1050), Description: "lunch", Key: key("k1")}
}

func byEmail() app.TransferCommand {
	c := command()
	c.To, c.ToEmail = "", "bob@example.com"
	return c
}

func TestTransfer_AnswersWithTheSendersBalanceAfterIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ledger.EXPECT().Post(gomock.Any(), []domain.Posting{{
		Kind: domain.KindTransfer,
		Order: domain.Order{
			ID: "id1", Caller: alice, From: "w1", To: "w2", Amount: usd(1050), Description: "lunch", Key: key("k1"),
		},
	}}).Return(posted(ports.Posted{Transfer: "id1", At: noon, FromBalance: 450, ToBalance: 99}), nil)

	r, err := b.Transfer(t.Context(), command())
	require.NoError(t, err)
	require.Equal(t, domain.Receipt{
		Transfer: domain.Transfer{
			ID: "id1", Kind: domain.KindTransfer, From: "w1", To: "w2", FromOwner: "alice", Amount: usd(1050),
			Description: "lunch", Reversed: usd(0), CreatedAt: noon,
		},
		Balance: usd(450),
	}, r)
}

func TestTransfer_RefusedByRuleOrLedger_IsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	same := command()
	same.To = same.From
	_, err := b.Transfer(t.Context(), same)
	require.ErrorIs(t, err, domain.ErrSameWallet)

	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{Err: domain.ErrInsufficientFunds}), nil)
	_, err = b.Transfer(t.Context(), command())
	require.ErrorIs(t, err, domain.ErrInsufficientFunds)
}

func earlier() domain.Transfer {
	return domain.Transfer{
		ID: "t0", Kind: domain.KindTransfer, From: "w1", To: "w2", FromOwner: "alice", ToOwner: "bob",
		Amount: usd(1050), Reversed: usd(0), Description: "lunch", CreatedAt: noon,
	}
}

func TestTransfer_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{Transfer: "t0", Replayed: true}), nil)
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("t0")).Return(earlier(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), earlier(), domain.WalletID("w1")).Return(usd(450), nil)

	r, err := b.Transfer(t.Context(), command())
	require.NoError(t, err)
	require.Equal(t, domain.Receipt{Transfer: earlier(), Balance: usd(450), Replayed: true}, r)
}

func TestTransfer_ByEmail_GoesToTheRecipientsWallet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), domain.OwnerID("alice"), key("k1")).Return(domain.TransferID(""), nil)
	b.directory.EXPECT().ByEmail(gomock.Any(), "bob@example.com").Return(domain.OwnerID("bob"), nil)
	b.wallets.EXPECT().Receiving(gomock.Any(), domain.OwnerID("bob"), money.Currency("USD")).Return(domain.WalletID("w9"), nil)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{}), nil)

	r, err := b.Transfer(t.Context(), byEmail())
	require.NoError(t, err)
	require.Equal(t, domain.WalletID("w9"), r.To)
}

func TestTransfer_ByEmail_Again_IsAnsweredWithoutAskingTheDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID("t0"), nil)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(earlier(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), gomock.Any(), gomock.Any()).Return(usd(450), nil)

	r, err := b.Transfer(t.Context(), byEmail())
	require.NoError(t, err)
	require.True(t, r.Replayed)

	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), domain.ErrKeyReused)
	_, err = b.Transfer(t.Context(), byEmail())
	require.ErrorIs(t, err, domain.ErrKeyReused)
}

func TestTransfer_ByEmail_RecipientSeenForTheFirstTime_GetsTheirWallet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), nil)
	b.directory.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.OwnerID("bob"), nil)
	gomock.InOrder(
		b.wallets.EXPECT().Receiving(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID(""), domain.ErrWalletNotFound),
		b.wallets.EXPECT().AddDefault(gomock.Any(), domain.Wallet{
			ID: "id1", Owner: "bob", Name: "USD", Status: domain.Active, Balance: usd(0), Held: usd(0),
		}).Return(nil),
		b.wallets.EXPECT().Receiving(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID("id1"), nil),
	)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{}), nil)

	r, err := b.Transfer(t.Context(), byEmail())
	require.NoError(t, err)
	require.Equal(t, domain.WalletID("id1"), r.To)
}

func TestTransfer_ByEmail_ToNobody_IsRecipientUnknown(t *testing.T) {
	t.Parallel()
	nowhere := func(b *bundle) {
		b.wallets.EXPECT().Receiving(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID(""), domain.ErrWalletNotFound)
	}
	cases := map[string]func(b *bundle){
		"no such address": nil,
		"has left": func(b *bundle) {
			nowhere(b)
			b.wallets.EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(domain.ErrOwnerClosed)
		},
		"closed the only wallet": func(b *bundle) {
			nowhere(b)
			b.wallets.EXPECT().AddDefault(gomock.Any(), gomock.Any()).Return(nil)
			nowhere(b)
		},
	}
	for name, arrange := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), nil)
			if arrange == nil {
				b.directory.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.OwnerID(""), domain.ErrRecipientUnknown)
			} else {
				b.directory.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.OwnerID("bob"), nil)
				arrange(b)
			}
			_, err := b.Transfer(t.Context(), byEmail())
			require.ErrorIs(t, err, domain.ErrRecipientUnknown)
		})
	}
}

func TestTransfer_ByEmail_InACurrencyTheyDoNotHold_IsCurrencyMismatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), nil)
	b.directory.EXPECT().ByEmail(gomock.Any(), gomock.Any()).Return(domain.OwnerID("bob"), nil)
	b.wallets.EXPECT().Receiving(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.WalletID(""), domain.ErrWalletNotFound)
	c := byEmail()
	c.Amount.Currency = "EUR"
	_, err := b.Transfer(t.Context(), c)
	require.ErrorIs(t, err, domain.ErrCurrencyMismatch)
}

func TestReadTransfer_GivesEachSideTheirOwnBalance(t *testing.T) {
	t.Parallel()
	for caller, wallet := range map[domain.OwnerID]domain.WalletID{"alice": "w1", "bob": "w2"} {
		b := setup(t)
		b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(earlier(), nil)
		b.transfers.EXPECT().BalanceAfter(gomock.Any(), earlier(), wallet).Return(usd(5), nil)
		r, err := b.ReadTransfer(t.Context(), domain.Caller{ID: caller}, "t0")
		require.NoError(t, err)
		require.Equal(t, domain.Receipt{Transfer: earlier(), Balance: usd(5)}, r)
	}
}

func TestReadTransfer_StrangersFindNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(earlier(), nil)
	_, err := b.ReadTransfer(t.Context(), domain.Caller{ID: "mallory"}, "t0")
	require.ErrorIs(t, err, domain.ErrTransferNotFound)

	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Transfer{}, domain.ErrTransferNotFound)
	_, err = b.ReadTransfer(t.Context(), alice, "t1")
	require.ErrorIs(t, err, domain.ErrTransferNotFound)
}

func back() domain.ReversalOrder {
	return domain.ReversalOrder{Caller: domain.Caller{ID: "bob"}, Description: "sorry", Key: key("k2")}
}

func TestReverseTransfer_PostsTheWayBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), domain.OwnerID("bob"), key("k2")).Return(domain.TransferID(""), nil)
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("t0")).Return(earlier(), nil)
	b.ledger.EXPECT().Post(gomock.Any(), gomock.Any()).Return(posted(ports.Posted{At: noon, FromBalance: 3}), nil)

	r, err := b.ReverseTransfer(t.Context(), "t0", back())
	require.NoError(t, err)
	require.Equal(t, domain.KindReversal, r.Kind)
	require.Equal(t, domain.TransferID("t0"), r.Reverses)
	require.Equal(t, []domain.WalletID{"w2", "w1"}, []domain.WalletID{r.From, r.To})
	require.Equal(t, usd(3), r.Balance)
}

func TestReverseTransfer_SameKeyAgain_GetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID("r0"), nil)
	b.transfers.EXPECT().Find(gomock.Any(), domain.TransferID("r0")).Return(earlier(), nil)
	b.transfers.EXPECT().BalanceAfter(gomock.Any(), gomock.Any(), gomock.Any()).Return(usd(1), nil)
	r, err := b.ReverseTransfer(t.Context(), "t0", back())
	require.NoError(t, err)
	require.True(t, r.Replayed)
}

func TestReverseTransfer_Refused_PostsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), domain.ErrKeyReused)
	_, err := b.ReverseTransfer(t.Context(), "t0", back())
	require.ErrorIs(t, err, domain.ErrKeyReused)

	b.transfers.EXPECT().ByKey(gomock.Any(), gomock.Any(), gomock.Any()).Return(domain.TransferID(""), nil).Times(2)
	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(domain.Transfer{}, domain.ErrTransferNotFound)
	_, err = b.ReverseTransfer(t.Context(), "t0", back())
	require.ErrorIs(t, err, domain.ErrTransferNotFound)

	b.transfers.EXPECT().Find(gomock.Any(), gomock.Any()).Return(earlier(), nil)
	o := back()
	o.Caller = alice
	_, err = b.ReverseTransfer(t.Context(), "t0", o)
	require.ErrorIs(t, err, domain.ErrNotReceiver)
}
