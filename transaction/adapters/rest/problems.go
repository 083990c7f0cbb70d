package rest

import (
	"errors"
	"net/http"
	"time"

	"github.com/micropay/micropay/shared/problem"
	"github.com/micropay/micropay/transaction/app"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// answers gives every refusal its status and its sentence.
var answers = map[domain.Refusal]struct {
	status int
	detail string
}{
	domain.ErrInsufficientFunds:   {http.StatusUnprocessableEntity, "the wallet holds less than the amount"},
	domain.ErrCurrencyMismatch:    {http.StatusUnprocessableEntity, "amount and wallets must be of one currency"},
	domain.ErrSameWallet:          {http.StatusUnprocessableEntity, "from and to must be two different wallets"},
	domain.ErrWalletNotActive:     {http.StatusUnprocessableEntity, "a wallet taking part is frozen or closed"},
	domain.ErrRecipientUnknown:    {http.StatusUnprocessableEntity, "there is no such recipient"},
	domain.ErrBalanceLimit:        {http.StatusUnprocessableEntity, "the balance would exceed 9007199254740991 minor units"},
	domain.ErrWalletNotFound:      {http.StatusNotFound, "there is no such wallet"},
	domain.ErrWalletClosed:        {http.StatusConflict, "a closed wallet cannot be changed"},
	domain.ErrWalletNotEmpty:      {http.StatusConflict, "only a wallet with balance zero can be closed"},
	domain.ErrPaymentsPending:     {http.StatusConflict, "a payment, hold or dispute of this wallet has not ended yet"},
	domain.ErrWalletLimit:         {http.StatusConflict, "you have as many open wallets as allowed"},
	domain.ErrWalletsNotClosed:    {http.StatusConflict, "all wallets must be closed first"},
	domain.ErrOwnerClosed:         {http.StatusConflict, "the owner has left and opens no more wallets"},
	domain.ErrTransferNotFound:    {http.StatusNotFound, "there is no such transfer"},
	domain.ErrNotReversible:       {http.StatusUnprocessableEntity, "only a transfer between wallets can be reversed"},
	domain.ErrNotReceiver:         {http.StatusForbidden, "only who received a transfer can send it back"},
	domain.ErrReversalExceeds:     {http.StatusUnprocessableEntity, "all reversals together would exceed what was sent"},
	domain.ErrPaymentNotFound:     {http.StatusNotFound, "there is no such payment"},
	domain.ErrProviderUnknown:     {http.StatusUnprocessableEntity, "there is no such payment provider"},
	domain.ErrProviderUnavailable: {http.StatusServiceUnavailable, "no payment provider that you named can be used now; nothing was done"},
	domain.ErrFeeExceedsAmount:    {http.StatusUnprocessableEntity, "the fee would take all of it"},
	domain.ErrNotRefundable:       {http.StatusUnprocessableEntity, "only a top-up that was paid can be given back"},
	domain.ErrPaymentDisputed:     {http.StatusConflict, "the payer's bank is taking it back already"},
	domain.ErrRefundExceeds:       {http.StatusUnprocessableEntity, "all refunds together would exceed what was paid"},
	domain.ErrWalletBlocked:       {http.StatusConflict, "a dispute keeps money from leaving the wallet"},
	domain.ErrHoldEnded:           {http.StatusConflict, "it was captured, voided or has expired"},
	domain.ErrCaptureExceeds:      {http.StatusUnprocessableEntity, "more is asked for than is held"},
	domain.ErrKeyReused:           {http.StatusUnprocessableEntity, "the Idempotency-Key was used for another request"},
	domain.ErrKeyInProgress:       {http.StatusConflict, "the first request with this Idempotency-Key is still running"},
}

// problemOf is the one mapping from what went wrong to what the client is told; nil means that
// nobody foresaw it.
func problemOf(err error) *problem.Problem {
	var refusal domain.Refusal
	if errors.As(err, &refusal) {
		a, known := answers[refusal]
		if !known {
			return nil
		}
		p := problem.New(a.status, string(refusal), a.detail)
		var unavailable app.ProviderUnavailableError
		switch {
		case errors.As(err, &unavailable):
			p.RetryAfter = unavailable.RetryAfter
		case refusal == domain.ErrKeyInProgress:
			p.RetryAfter = time.Second
		}
		return p
	}
	var invalid domain.Invalid
	if errors.As(err, &invalid) {
		p := problem.New(http.StatusUnprocessableEntity, "validation_failed", "a member of the request is out of bounds")
		for _, f := range invalid {
			p.Errors = append(p.Errors, problem.Field(f))
		}
		return p
	}
	if errors.Is(err, ports.ErrForged) {
		return problem.New(http.StatusBadRequest, "invalid_signature", "this does not come from the payment provider, or is too old")
	}
	if errors.Is(err, ports.ErrUnavailable) {
		p := problem.New(http.StatusServiceUnavailable, "unavailable",
			"the service cannot answer now; the outcome is unknown, repeat the request with the same Idempotency-Key")
		p.RetryAfter = time.Second
		return p
	}
	return nil
}
