package paypal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/micropay/micropay/transaction/domain"
)

// dispute is developer.paypal.com/docs/api/customer-disputes/v1 as far as it is read.
type dispute struct {
	ID      string `json:"dispute_id"`
	Status  string `json:"status"`
	Amount  amount `json:"dispute_amount"`
	Outcome struct {
		Code string `json:"outcome_code"`
	} `json:"dispute_outcome"`
}

func (p *Provider) disputes(ctx context.Context, capture string) ([]domain.DisputeNotice, error) {
	var list struct {
		Items []dispute `json:"items"`
	}
	if err := p.call(ctx, http.MethodGet, "/v1/customer/disputes?disputed_transaction_id="+url.QueryEscape(capture), "", nil, &list); err != nil {
		return nil, err
	}
	var notices []domain.DisputeNotice
	for _, d := range list.Items {
		if d.Outcome.Code == "" && d.Status == "RESOLVED" { // the list leaves the outcome out
			if err := p.call(ctx, http.MethodGet, "/v1/customer/disputes/"+url.PathEscape(d.ID), "", nil, &d); err != nil {
				return nil, err
			}
		}
		n, err := d.notice()
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}

func (d dispute) notice() (domain.DisputeNotice, error) {
	m, err := d.Amount.money()
	n := domain.DisputeNotice{Ref: d.ID, Amount: m, Status: domain.DisputeOpen}
	if err != nil || d.Status != "RESOLVED" {
		return n, err
	}
	switch d.Outcome.Code {
	case "RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED", "NONE", "RESOLVED_WITH_PAYOUT":
		n.Status = domain.DisputeWon
	case "RESOLVED_BUYER_FAVOUR", "ACCEPTED":
		n.Status = domain.DisputeLost
	default:
		return n, fmt.Errorf("dispute %q ended with %q", d.ID, d.Outcome.Code)
	}
	return n, nil
}
