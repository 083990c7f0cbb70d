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
	holds     *mocks.MockHolds
	disputes  *mocks.MockDisputes
	directory *mocks.MockDirectory
	inbox     *mocks.MockInbox
	stripe    *provider
	paypal    *provider
}

// provider is a payment provider on mocks.
type provider struct {
	*mocks.MockPaymentProvider
	gate          *mocks.MockGate
	notifications *mocks.MockNotifications
	statements    *mocks.MockStatements
}

func newProvider(c *gomock.Controller) *provider {
	return &provider{
		mocks.NewMockPaymentProvider(c), mocks.NewMockGate(c), mocks.NewMockNotifications(c), mocks.NewMockStatements(c),
	}
}

func (p *provider) with(fees domain.Fees) app.Provider {
	return app.Provider{PaymentProvider: p, Gate: p.gate, Notifications: p.notifications, Statements: p.statements, Fees: fees}
}

// ready says at every question that calls are let through, or when they will be.
func (p *provider) ready(wait time.Duration) {
	p.gate.EXPECT().Ready().Return(wait, wait == 0).AnyTimes()
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := gomock.NewController(t)
	b := &bundle{
		ledger: mocks.NewMockLedger(c), wallets: mocks.NewMockWallets(c), transfers: mocks.NewMockTransfers(c),
		history: mocks.NewMockHistory(c), payments: mocks.NewMockPayments(c), directory: mocks.NewMockDirectory(c),
		stripe: newProvider(c), paypal: newProvider(c), holds: mocks.NewMockHolds(c), disputes: mocks.NewMockDisputes(c),
		inbox: mocks.NewMockInbox(c),
	}
	ids := 0
	b.App = &app.App{
		Postings: app.NewGroupCommitter(b.ledger, 10, time.Minute), Ledger: b.ledger, Wallets: b.wallets,
		Transfers: b.transfers, History: b.history, Payments: b.payments, Directory: b.directory,
		Holds: b.holds, Disputes: b.disputes, Inbox: b.inbox,
		Providers: map[string]app.Provider{"stripe": b.stripe.with(nil), "paypal": b.paypal.with(domain.Fees{paypalFee})},
		NewID: func() string {
			ids++
			return fmt.Sprintf("id%d", ids)
		},
		Now: func() time.Time { return noon }, DefaultCurrency: "USD", WalletLimit: 3, Patience: patience,
	}
	return b
}

func usd(amount int64) money.Money { return money.Money{Amount: amount, Currency: "USD"} }

func key(value string) domain.Key { return domain.Key{Value: value, Request: [32]byte{7}} }

// posted is the ledger saying yes to one posting.
func posted(p ports.Posted) []ports.Posted { return []ports.Posted{p} }

var patience = app.Patience{
	PaymentPatience: time.Minute, LookAfter: 3 * time.Second, LookWithin: 30 * time.Second, PaymentTTL: 24 * time.Hour,
	Lease: 20 * time.Second, HoldTTL: time.Hour,
}

var paypalFee = domain.FeeRule{Kind: domain.PaymentTopUp, Currency: "USD", Fixed: 30}

var alice = domain.Caller{ID: "alice"}
