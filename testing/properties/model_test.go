package properties_test

import (
	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
)

// model is the ledger as its rules say it is, without a database, a lock or a group.
type model struct {
	wallets   []*wallet
	transfers []*transfer
}

type wallet struct {
	id       domain.WalletID
	owner    domain.OwnerID
	currency money.Currency
	balance  int64
	status   domain.Status
}

type transfer struct {
	id       domain.TransferID
	from, to *wallet
	amount   int64
	reversed int64
	reversal bool
}

// transfer says what is refused (nil: nothing), and moves the money.
func (m *model) transfer(caller domain.OwnerID, from, to *wallet, amount int64, currency money.Currency) error {
	switch {
	case from == to:
		return domain.ErrSameWallet
	case from.owner != caller:
		return domain.ErrWalletNotFound
	case from.status != domain.Active || to.status != domain.Active:
		return domain.ErrWalletNotActive
	case from.currency != currency || to.currency != currency:
		return domain.ErrCurrencyMismatch
	case from.balance < amount:
		return domain.ErrInsufficientFunds
	case to.balance > money.Max-amount:
		return domain.ErrBalanceLimit
	}
	m.move(&transfer{from: from, to: to, amount: amount})
	return nil
}

// reverse sends amount back, or with 0 all that is left.
func (m *model) reverse(caller domain.OwnerID, t *transfer, amount int64) error {
	left := t.amount - t.reversed
	switch {
	case caller != t.to.owner && caller != t.from.owner:
		return domain.ErrTransferNotFound
	case caller != t.to.owner:
		return domain.ErrNotReceiver
	case t.reversal:
		return domain.ErrNotReversible
	case amount > left || left == 0:
		return domain.ErrReversalExceeds
	case t.to.status != domain.Active || t.from.status == domain.Closed:
		return domain.ErrWalletNotActive
	}
	if amount == 0 {
		amount = left
	}
	switch {
	case t.to.balance < amount:
		return domain.ErrInsufficientFunds
	case t.from.balance > money.Max-amount:
		return domain.ErrBalanceLimit
	}
	t.reversed += amount
	m.move(&transfer{from: t.to, to: t.from, amount: amount, reversal: true})
	return nil
}

func (m *model) move(t *transfer) {
	t.from.balance -= t.amount
	t.to.balance += t.amount
	m.transfers = append(m.transfers, t)
}

func (m *model) topUp(w *wallet, amount int64, currency money.Currency) error {
	switch {
	case w.status != domain.Active:
		return domain.ErrWalletNotActive
	case w.currency != currency:
		return domain.ErrCurrencyMismatch
	}
	w.balance += amount
	return nil
}

func (w *wallet) close() error {
	if w.balance != 0 {
		return domain.ErrWalletNotEmpty
	}
	w.status = domain.Closed
	return nil
}

func (w *wallet) setStatus(s domain.Status) error {
	if w.status == domain.Closed {
		return domain.ErrWalletClosed
	}
	w.status = s
	return nil
}
