package app

import (
	"context"
	"errors"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// TransferCommand asks to send money to a wallet, or to a person by e-mail address.
type TransferCommand struct {
	Caller      domain.Caller
	From        domain.WalletID
	To          domain.WalletID // empty when ToEmail is given
	ToEmail     string
	Amount      money.Money
	Description string
	Key         domain.Key
}

// Transfer moves money between two wallets. Errors: domain.Invalid, domain.ErrSameWallet,
// domain.ErrRecipientUnknown, domain.ErrKeyReused and what the ledger refuses.
func (a *App) Transfer(ctx context.Context, c TransferCommand) (domain.Receipt, error) {
	to := c.To
	if c.ToEmail != "" {
		// A repeated request gets its first answer, whatever has become of the recipient.
		earlier, err := a.Transfers.ByKey(ctx, c.Caller.ID, c.Key)
		if err != nil {
			return domain.Receipt{}, err
		}
		if earlier != "" {
			return a.replay(ctx, c.Caller, earlier)
		}
		if to, err = a.recipient(ctx, c.ToEmail, c.Amount.Currency); err != nil {
			return domain.Receipt{}, err
		}
	}
	p, err := domain.NewTransfer(domain.Order{
		ID: domain.TransferID(a.NewID()), Caller: c.Caller, From: c.From, To: to,
		Amount: c.Amount, Description: c.Description, Key: c.Key,
	})
	if err != nil {
		return domain.Receipt{}, err
	}
	return a.post(ctx, p)
}

// recipient finds the wallet in which the person with that address gets money of a currency.
func (a *App) recipient(ctx context.Context, email string, currency money.Currency) (domain.WalletID, error) {
	owner, err := a.Directory.ByEmail(ctx, email)
	if err != nil {
		return "", err
	}
	id, err := a.Wallets.Receiving(ctx, owner, currency)
	if !errors.Is(err, domain.ErrWalletNotFound) {
		return id, err
	}
	if currency != a.DefaultCurrency {
		return "", domain.ErrCurrencyMismatch
	}
	first, err := a.firstWallet(owner)
	if err != nil {
		return "", err
	}
	if err := a.Wallets.AddDefault(ctx, first); err != nil {
		return "", unknownIf(err, domain.ErrOwnerClosed)
	}
	id, err = a.Wallets.Receiving(ctx, owner, currency)
	return id, unknownIf(err, domain.ErrWalletNotFound)
}

// unknownIf turns what, which is about the recipient and no business of the sender's, into
// ErrRecipientUnknown.
func unknownIf(err error, what domain.Refusal) error {
	if errors.Is(err, what) {
		return domain.ErrRecipientUnknown
	}
	return err
}

func (a *App) post(ctx context.Context, p domain.Posting) (domain.Receipt, error) {
	posted, err := a.Postings.Post(ctx, p)
	if err != nil {
		return domain.Receipt{}, err
	}
	if posted.Replayed {
		return a.replay(ctx, p.Caller, posted.Transfer)
	}
	return domain.Receipt{
		Transfer: domain.Transfer{
			ID: p.ID, Kind: p.Kind, From: p.From, To: p.To, FromOwner: p.Caller.ID, Amount: p.Amount,
			Description: p.Description, Reverses: p.Reverses, CreatedAt: posted.At,
			Reversed: money.Money{Currency: p.Amount.Currency},
		},
		Balance: money.Money{Amount: posted.FromBalance, Currency: p.Amount.Currency},
	}, nil
}

func (a *App) replay(ctx context.Context, caller domain.Caller, id domain.TransferID) (domain.Receipt, error) {
	r, err := a.ReadTransfer(ctx, caller, id)
	r.Replayed = true
	return r, err
}
