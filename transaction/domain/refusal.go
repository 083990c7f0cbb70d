package domain

import (
	"errors"
	"strings"
)

// Refusal is a rule saying no. Its text is the stable code a client sees; the REST adapter
// maps each to one HTTP status.
type Refusal string

// Error returns the code.
func (r Refusal) Error() string { return string(r) }

// What the rules of this service refuse.
const (
	// ErrInsufficientFunds: the wallet to be debited holds less than the amount.
	ErrInsufficientFunds Refusal = "insufficient_funds"
	// ErrCurrencyMismatch: amount and wallets are not all of one currency.
	ErrCurrencyMismatch Refusal = "currency_mismatch"
	// ErrSameWallet: from and to are one wallet.
	ErrSameWallet Refusal = "same_wallet"
	// ErrWalletNotActive: a wallet taking part is frozen or closed.
	ErrWalletNotActive Refusal = "wallet_not_active"
	// ErrRecipientUnknown: there is no such wallet or person to send to.
	ErrRecipientUnknown Refusal = "recipient_unknown"
	// ErrBalanceLimit: the balance after it would exceed money.Max.
	ErrBalanceLimit Refusal = "balance_limit_exceeded"

	// ErrWalletNotFound: no such wallet, or it is somebody else's.
	ErrWalletNotFound Refusal = "wallet_not_found"
	// ErrWalletClosed: a closed wallet cannot be changed any more.
	ErrWalletClosed Refusal = "wallet_closed"
	// ErrWalletNotEmpty: only a wallet with balance zero can be closed.
	ErrWalletNotEmpty Refusal = "wallet_not_empty"
	// ErrPaymentsPending: a payment or hold of the wallet has not ended yet.
	ErrPaymentsPending Refusal = "payments_pending"
	// ErrWalletLimit: the owner has as many wallets as allowed.
	ErrWalletLimit Refusal = "wallet_limit_reached"
	// ErrWalletsNotClosed: an owner leaves only when every wallet is closed.
	ErrWalletsNotClosed Refusal = "wallets_not_closed"
	// ErrOwnerClosed: the owner has left and opens no more wallets.
	ErrOwnerClosed Refusal = "owner_closed"

	// ErrTransferNotFound: no such transfer, or the caller has no part in it.
	ErrTransferNotFound Refusal = "transfer_not_found"
	// ErrNotReversible: only a transfer between wallets can be reversed, not a reversal or a top-up.
	ErrNotReversible Refusal = "transfer_not_reversible"
	// ErrNotReceiver: only who received a transfer, or an operator, may send it back.
	ErrNotReceiver Refusal = "not_the_receiver"
	// ErrReversalExceeds: all reversals together would exceed what was sent.
	ErrReversalExceeds Refusal = "reversal_exceeds_transfer"

	// ErrPaymentNotFound: no such payment, or it is somebody else's.
	ErrPaymentNotFound Refusal = "payment_not_found"
	// ErrProviderUnknown: no payment provider of that name is configured.
	ErrProviderUnknown Refusal = "provider_unknown"
	// ErrProviderUnavailable: no provider that was named can be used now; none did anything.
	ErrProviderUnavailable Refusal = "provider_unavailable"
	// ErrFeeExceedsAmount: the fee would take all of a top-up.
	ErrFeeExceedsAmount Refusal = "fee_exceeds_amount"
	// ErrNotRefundable: only a top-up that was captured can be given back.
	ErrNotRefundable Refusal = "payment_not_refundable"
	// ErrPaymentDisputed: the payer's bank is taking the payment back already.
	ErrPaymentDisputed Refusal = "payment_disputed"
	// ErrRefundExceeds: all refunds together, open ones too, would exceed the top-up.
	ErrRefundExceeds Refusal = "refund_exceeds_payment"
	// ErrWalletBlocked: a dispute keeps money from leaving the wallet.
	ErrWalletBlocked Refusal = "wallet_blocked"

	// ErrHoldEnded: the hold was captured, voided or has expired.
	ErrHoldEnded Refusal = "hold_ended"
	// ErrCaptureExceeds: more is asked for than is held.
	ErrCaptureExceeds Refusal = "capture_exceeds_hold"

	// ErrKeyReused: the idempotency key was used for another request.
	ErrKeyReused Refusal = "idempotency_key_reused"
	// ErrKeyInProgress: the first request with this key is still running.
	ErrKeyInProgress Refusal = "idempotency_key_in_progress"
)

// Refusals lists every refusal, so that each can be proven to have its answer.
func Refusals() []Refusal {
	return []Refusal{
		ErrInsufficientFunds, ErrCurrencyMismatch, ErrSameWallet, ErrWalletNotActive,
		ErrRecipientUnknown, ErrBalanceLimit, ErrWalletNotFound, ErrWalletClosed,
		ErrWalletNotEmpty, ErrPaymentsPending, ErrWalletLimit, ErrWalletsNotClosed,
		ErrOwnerClosed, ErrTransferNotFound, ErrNotReversible, ErrNotReceiver,
		ErrReversalExceeds, ErrPaymentNotFound, ErrProviderUnknown, ErrProviderUnavailable,
		ErrFeeExceedsAmount, ErrNotRefundable, ErrPaymentDisputed, ErrRefundExceeds,
		ErrWalletBlocked, ErrHoldEnded, ErrCaptureExceeds, ErrKeyReused, ErrKeyInProgress,
	}
}

// ErrProviderMismatch says that what a provider tells does not fit the payment: nothing of it is
// believed. It is nobody's fault who calls, so it is no Refusal.
var ErrProviderMismatch = errors.New("the provider's answer does not fit")

// FieldError says what is wrong with one member of a request.
type FieldError struct {
	Field  string // the member's name in the request
	Code   string // stable, e.g. "too_long"
	Detail string // for people, with the bound
}

// Invalid says which members of a request break their bounds; it names all of them at once.
type Invalid []FieldError

// Error lists fields and codes, for logs.
func (e Invalid) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + f.Code
	}
	return "invalid: " + strings.Join(parts, ", ")
}
