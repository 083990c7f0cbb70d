package transaction

import (
	"github.com/micropay/micropay/shared/resilience"
	"github.com/micropay/micropay/transaction/adapters/paypal"
	"github.com/micropay/micropay/transaction/adapters/sandbox"
	"github.com/micropay/micropay/transaction/adapters/stripe"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
)

// providers wires the payment providers that are configured, each behind a client of its own: what
// one of them does costs the others nothing.
func providers(cfg Config, deps Deps) map[string]app.Provider {
	fees, _ := domain.ParseFees(cfg.PaymentFees) // Validate has said what is wrong
	all := map[string]app.Provider{}
	if cfg.Sandbox {
		all[sandbox.Name] = app.Provider{PaymentProvider: sandbox.Provider{}, Gate: sandbox.Provider{}, Fees: fees[sandbox.Name]}
	}
	if cfg.Stripe.Key != "" {
		client := cfg.PSP.client(stripe.Name, "", deps)
		p := stripe.New(stripe.Config{
			Key: cfg.Stripe.Key.Reveal(), WebhookSecret: cfg.Stripe.WebhookSecret.Reveal(), URL: cfg.Stripe.URL, HTTP: client.Client,
		})
		all[stripe.Name] = app.Provider{PaymentProvider: p, Gate: client, Notifications: p, Statements: p, Fees: fees[stripe.Name]}
	}
	if cfg.PayPal.ClientID != "" {
		client := cfg.PSP.client(paypal.Name, paypal.KeyHeader, deps)
		p := paypal.New(paypal.Config{
			ClientID: cfg.PayPal.ClientID, Secret: cfg.PayPal.Secret.Reveal(), WebhookID: cfg.PayPal.WebhookID, URL: cfg.PayPal.URL,
			ReturnURL: cfg.PayPal.ReturnURL, CancelURL: cfg.PayPal.CancelURL, HTTP: client.Client, Now: deps.Now,
		})
		all[paypal.Name] = app.Provider{PaymentProvider: p, Gate: client, Notifications: p, Statements: p, Fees: fees[paypal.Name]}
	}
	return all
}

// client makes one try of each call: who asks is answered that the outcome is open, and the
// worker asks again.
func (p PSP) client(name, keyHeader string, deps Deps) *resilience.Client {
	return resilience.New(resilience.Config{
		Name: name, Timeout: p.Timeout, Retries: -1, KeyHeader: keyHeader, MaxInFlight: p.MaxInFlight, Window: p.Window, WindowCalls: p.WindowCalls,
		MinimumCalls: p.MinimumCalls, FailureRate: p.FailureRate, SlowAfter: p.SlowAfter, SlowRate: p.SlowRate,
		OpenFor: p.OpenFor, Probes: p.Trials, Log: deps.Log, Registry: deps.Registry,
	})
}
