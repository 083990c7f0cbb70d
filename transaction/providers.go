package transaction

import (
	"github.com/micropay/micropay/transaction/adapters/sandbox"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

// providers wires the payment providers that are configured.
func providers(cfg Config, _ Deps) map[string]app.Provider {
	fees, _ := domain.ParseFees(cfg.PaymentFees) // Validate has said what is wrong
	all := map[string]app.Provider{}
	if cfg.Sandbox {
		all[sandbox.Name] = app.Provider{PaymentProvider: sandbox.Provider{}, Gate: sandbox.Provider{}}
	}
	for name, p := range all {
		p.Fees = fees[name]
		all[name] = p
	}
	return all
}
