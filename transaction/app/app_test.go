package app_test

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/mock/gomock"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
	"github.com/micropay/micropay/transaction/ports/mocks"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bundle is an App on mocks, at noon, whose ids are id1, id2 and so on.
type bundle struct {
	*app.App
	ledger    *mocks.MockLedger
	wallets   *mocks.MockWallets
	transfers *mocks.MockTransfers
	history   *mocks.MockHistory
	payments  *mocks.MockPayments
	directory *mocks.MockDirectory
	provider  *mocks.MockPaymentProvider
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := gomock.NewController(t)
	b := &bundle{
		ledger: mocks.NewMockLedger(c), wallets: mocks.NewMockWallets(c), transfers: mocks.NewMockTransfers(c),
		history: mocks.NewMockHistory(c), payments: mocks.NewMockPayments(c), directory: mocks.NewMockDirectory(c),
		provider: mocks.NewMockPaymentProvider(c),
	}
	ids := 0
	b.App = &app.App{
		Postings: app.NewGroupCommitter(b.ledger, 10, time.Minute), Ledger: b.ledger, Wallets: b.wallets,
		Transfers: b.transfers, History: b.history, Payments: b.payments, Directory: b.directory,
		Providers: map[string]ports.PaymentProvider{"sandbox": b.provider},
		NewID: func() string {
			ids++
			return fmt.Sprintf("id%d", ids)
		},
		Now: func() time.Time { return noon }, DefaultCurrency: "USD", WalletLimit: 3, PaymentPatience: time.Minute,
	}
	return b
}

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }

func key(value string) domain.Key { return domain.Key{Value: value, Request: [32]byte{7}} }

// posted is the ledger saying yes to one posting.
func posted(p ports.Posted) []ports.Posted { return []ports.Posted{p} }

var alice = domain.Caller{ID: "alice"}
