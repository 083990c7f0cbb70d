package rest

import (
	"encoding/json"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

// faults gathers what is wrong with the members of a request, so that all of it is said at once.
type faults domain.Invalid

func (f *faults) add(field, code, detail string) {
	*f = append(*f, domain.FieldError{Field: field, Code: code, Detail: detail})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return domain.Invalid(f)
}

// money reads an amount of minor units and its currency.
func (f *faults) money(amount json.RawMessage, currency string) money.Money {
	minor, err := money.ParseAmount(amount)
	if err != nil {
		f.add("amount", "invalid_amount", err.Error())
	}
	c, currencyErr := money.ParseCurrency(currency)
	if currencyErr != nil {
		f.add("currency", "unknown_currency", currencyErr.Error())
	}
	if err != nil || currencyErr != nil {
		return money.Money{}
	}
	m, err := money.New(minor, c)
	if err != nil {
		f.add("amount", "out_of_range", err.Error())
	}
	return m
}

// id reads a UUID.
func (f *faults) id(field, value string) string {
	id, isID := parseID(value)
	if !isID {
		f.add(field, "invalid_id", "must be a UUID")
	}
	return id
}

type transferRequest struct {
	FromWalletID string          `json:"from_wallet_id"`
	ToWalletID   string          `json:"to_wallet_id"`
	ToEmail      string          `json:"to_email"`
	Amount       json.RawMessage `json:"amount"`
	Currency     string          `json:"currency"`
	Description  string          `json:"description"`
	Capture      *bool           `json:"capture"` // false: hold only
}

// holds says that only the first phase is asked for.
func (b transferRequest) holds() bool { return b.Capture != nil && !*b.Capture }

func (b transferRequest) command() (app.TransferCommand, error) {
	var f faults
	c := app.TransferCommand{
		From: domain.WalletID(f.id("from_wallet_id", b.FromWalletID)), Description: b.Description,
		Amount: f.money(b.Amount, b.Currency),
	}
	switch {
	case (b.ToWalletID == "") == (b.ToEmail == ""):
		f.add("to_wallet_id", "one_recipient", "give either to_wallet_id or to_email")
	case b.ToWalletID != "":
		c.To = domain.WalletID(f.id("to_wallet_id", b.ToWalletID))
	case len(b.ToEmail) > 254: // RFC 5321 section 4.5.3.1.3
		f.add("to_email", "too_long", "at most 254 bytes")
	default:
		c.ToEmail = b.ToEmail
	}
	return c, f.err()
}

type reversalRequest struct {
	Amount      json.RawMessage `json:"amount"`
	Currency    string          `json:"currency"`
	Description string          `json:"description"`
}

func (b reversalRequest) order() (domain.ReversalOrder, error) {
	o := domain.ReversalOrder{Description: b.Description}
	if b.Amount == nil && b.Currency == "" {
		return o, nil // all that is left
	}
	var f faults
	amount := f.money(b.Amount, b.Currency)
	o.Amount = &amount
	return o, f.err()
}

// providers reads which providers may be used, in their order. Whether they exist is the use
// case's to say.
func (f *faults) providers(one string, several []string) []string {
	switch {
	case (one == "") == (len(several) == 0), one != "" && several != nil:
		f.add("provider", "one_choice", "give either provider or providers")
	case len(several) > maxProviders:
		f.add("providers", "too_many", "at most 8 providers")
	case one != "":
		return []string{one}
	}
	return several
}

const maxProviders = 8

type topUpRequest struct {
	WalletID  string          `json:"wallet_id"`
	Amount    json.RawMessage `json:"amount"`
	Currency  string          `json:"currency"`
	Provider  string          `json:"provider"`
	Providers []string        `json:"providers"`
}

func (b topUpRequest) command() (app.TopUpCommand, error) {
	var f faults
	c := app.TopUpCommand{
		Wallet: domain.WalletID(f.id("wallet_id", b.WalletID)), Amount: f.money(b.Amount, b.Currency),
		Providers: f.providers(b.Provider, b.Providers),
	}
	return c, f.err()
}

type withdrawalRequest struct {
	topUpRequest
	Destination string `json:"destination"`
}

func (b withdrawalRequest) command() (app.WithdrawCommand, error) {
	c, err := b.topUpRequest.command()
	return app.WithdrawCommand{Wallet: c.Wallet, Amount: c.Amount, Providers: c.Providers, Destination: b.Destination}, err
}
