package paypal

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// transaction is developer.paypal.com/docs/api/transaction-search/v1 as far as it is read.
type transaction struct {
	Info struct {
		ID      string `json:"transaction_id"`
		Custom  string `json:"custom_field"`
		Event   string `json:"transaction_event_code"`
		Status  string `json:"transaction_status"`
		Amount  amount `json:"transaction_amount"`
		Started string `json:"transaction_initiation_date"`
	} `json:"transaction_info"`
}

// kinds of what moves money for us, by PayPal's event codes; fees, conversions and the like are
// left out.
var kinds = map[string]domain.PaymentKind{
	"T0006": domain.PaymentTopUp, "T1107": domain.PaymentRefund, "T0001": domain.PaymentWithdrawal,
}

// statuses of transactions: denied, pending, successful, reversed.
var statuses = map[string]domain.PaymentStatus{
	"D": domain.PaymentFailed, "P": domain.PaymentProcessing, "S": domain.PaymentSucceeded, "V": domain.PaymentSucceeded,
}

// Operations implements ports.Statements. PayPal lists what it did up to three hours late.
func (p *Provider) Operations(ctx context.Context, from, to time.Time) iter.Seq2[ports.Operation, error] {
	return func(yield func(ports.Operation, error) bool) {
		for page, pages := 1, 1; page <= pages; page++ {
			q := url.Values{
				"start_date": {from.UTC().Format(time.RFC3339)}, "end_date": {to.UTC().Format(time.RFC3339)}, "fields": {"transaction_info"},
				"page_size": {"100"}, "page": {strconv.Itoa(page)},
			}
			var answer struct {
				Details []transaction `json:"transaction_details"`
				Pages   int           `json:"total_pages"`
			}
			if err := p.call(ctx, http.MethodGet, "/v1/reporting/transactions?"+q.Encode(), "", nil, &answer); err != nil {
				yield(ports.Operation{}, fault("list", err))
				return
			}
			pages = answer.Pages
			for _, t := range answer.Details {
				op, concerns, err := t.operation()
				if err == nil && !concerns {
					continue
				}
				if !yield(op, fault("list", err)) || err != nil {
					return
				}
			}
		}
	}
}

func (t transaction) operation() (ports.Operation, bool, error) {
	kind, concerns := kinds[t.Info.Event]
	if !concerns {
		return ports.Operation{}, false, nil
	}
	status, known := statuses[t.Info.Status]
	m, err := t.Info.Amount.money()
	at, bad := time.Parse("2006-01-02T15:04:05Z0700", t.Info.Started)
	if bad != nil {
		at, bad = time.Parse(time.RFC3339, t.Info.Started)
	}
	if !known || err != nil || bad != nil {
		return ports.Operation{}, true, fmt.Errorf("transaction %q cannot be read", t.Info.ID)
	}
	if m.Amount < 0 { // it left our account there
		m.Amount = -m.Amount
	}
	return ports.Operation{
		Payment: domain.PaymentID(t.Info.Custom), Ref: t.Info.ID, Kind: kind, Amount: m, Status: status, CreatedAt: at.UTC(),
	}, true, nil
}
