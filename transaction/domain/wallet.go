package domain

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/micropay/micropay/shared/money"
)

// MaxNameLength bounds a wallet's name, in characters.
const MaxNameLength = 100

type (
	// OwnerID is a person: the subject of the access token.
	OwnerID string
	// WalletID names a wallet or a system account.
	WalletID string
)

// Status says what may be done with a wallet.
type Status string

// The statuses of a wallet. Frozen ends by the owner's wish, Closed never.
const (
	Active Status = "active"
	Frozen Status = "frozen"
	Closed Status = "closed"
)

// Wallet is a person's account in one currency.
type Wallet struct {
	ID        WalletID
	Owner     OwnerID
	Name      string
	Status    Status
	Balance   money.Money // never negative
	Held      money.Money // what of it is kept for others, and cannot be spent
	CreatedAt time.Time   // set by the store
}

// NewWallet is an active, empty wallet. Errors: Invalid (name: 1..MaxNameLength characters).
func NewWallet(id WalletID, owner OwnerID, currency money.Currency, name string) (Wallet, error) {
	nothing := money.Money{Currency: currency}
	w := Wallet{ID: id, Owner: owner, Status: Active, Balance: nothing, Held: nothing}
	return w, w.Rename(name)
}

// Available is what can be spent: the balance without what is held.
func (w Wallet) Available() money.Money {
	return money.Money{Amount: w.Balance.Amount - w.Held.Amount, Currency: w.Balance.Currency}
}

// Rename gives the wallet another name. Errors: Invalid, ErrWalletClosed.
func (w *Wallet) Rename(name string) error {
	if w.Status == Closed {
		return ErrWalletClosed
	}
	if fault := checkText("name", name, MaxNameLength); fault != nil {
		return Invalid{*fault}
	}
	if strings.TrimSpace(name) == "" {
		return Invalid{{Field: "name", Code: "required", Detail: "must not be blank"}}
	}
	w.Name = name
	return nil
}

// SetStatus freezes the wallet (no money goes out of or into it) or makes it active again.
// Errors: Invalid for any other status, ErrWalletClosed.
func (w *Wallet) SetStatus(s Status) error {
	if w.Status == Closed {
		return ErrWalletClosed
	}
	if s != Active && s != Frozen {
		return Invalid{{Field: "status", Code: "unknown_value", Detail: `must be "active" or "frozen"`}}
	}
	w.Status = s
	return nil
}

// Close ends the wallet's use for good; its history stays. Errors: ErrWalletNotEmpty.
func (w *Wallet) Close() error {
	if w.Balance.Amount != 0 {
		return ErrWalletNotEmpty
	}
	w.Status = Closed
	return nil
}

// checkText bounds a text in characters and refuses NUL, which no PostgreSQL text can hold.
func checkText(field, s string, most int) *FieldError {
	switch {
	case utf8.RuneCountInString(s) > most:
		return &FieldError{Field: field, Code: "too_long", Detail: "at most " + strconv.Itoa(most) + " characters"}
	case strings.ContainsRune(s, 0) || !utf8.ValidString(s):
		return &FieldError{Field: field, Code: "forbidden_character", Detail: "must be UTF-8 without NUL"}
	}
	return nil
}
