package stripe

import (
	"context"
	"iter"
	"time"

	"github.com/stripe/stripe-go/v84"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// Operations implements ports.Statements: payment intents, refunds and transfers, page by page.
func (p *Provider) Operations(ctx context.Context, from, to time.Time) iter.Seq2[ports.Operation, error] {
	span := &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix(), LesserThan: to.Unix()}
	list := stripe.ListParams{Limit: stripe.Int64(pageSize)}
	return func(yield func(ports.Operation, error) bool) {
		_ = each(p.api.V1PaymentIntents.List(ctx, &stripe.PaymentIntentListParams{CreatedRange: span, ListParams: list}), yield, intentOperation) &&
			each(p.api.V1Refunds.List(ctx, &stripe.RefundListParams{CreatedRange: span, ListParams: list}), yield, refundOperation) &&
			each(p.api.V1Transfers.List(ctx, &stripe.TransferListParams{CreatedRange: span, ListParams: list}), yield, transferOperation)
	}
}

// each yields a list's objects, and reports whether more are wanted.
func each[T any](list stripe.Seq2[T, error], yield func(ports.Operation, error) bool, read func(T) (ports.Operation, error)) bool {
	for object, err := range list {
		var op ports.Operation
		if err == nil {
			op, err = read(object)
		}
		if err != nil {
			yield(ports.Operation{}, fault("list", err))
			return false
		}
		if !yield(op, nil) {
			return false
		}
	}
	return true
}

func intentOperation(i *stripe.PaymentIntent) (ports.Operation, error) {
	return operation(domain.PaymentTopUp, i.Metadata, i.Created, func(p domain.Payment) (ports.Charge, error) { return intentCharge(p, i) })
}

func refundOperation(r *stripe.Refund) (ports.Operation, error) {
	return operation(domain.PaymentRefund, r.Metadata, r.Created, func(p domain.Payment) (ports.Charge, error) { return refundCharge(p, r) })
}

func transferOperation(t *stripe.Transfer) (ports.Operation, error) {
	return operation(domain.PaymentWithdrawal, t.Metadata, t.Created, func(p domain.Payment) (ports.Charge, error) { return transferCharge(p, t) })
}

func operation(kind domain.PaymentKind, metadata map[string]string, created int64,
	read func(domain.Payment) (ports.Charge, error),
) (ports.Operation, error) {
	id := domain.PaymentID(metadata[paymentID])
	c, err := read(domain.Payment{ID: id})
	return ports.Operation{
		Payment: id, Ref: c.ProviderRef, Kind: kind, Amount: c.Amount, Status: c.Status, CreatedAt: time.Unix(created, 0).UTC(),
	}, err
}
