package pspsim

import (
	"fmt"
	"time"
)

// Operation is something that the provider did, or was asked to do.
type Operation struct {
	Kind      string // charge, refund or payout
	PaymentID string // our id of it
	Ref       string // the provider's
	Amount    int64  // minor units
	Currency  string // upper case
	State     State
	CreatedAt time.Time

	parent   *Operation // of a refund: the charge
	refunded int64      // of a charge
	capture  string     // PayPal's id of the captured payment
	failure  string
	to       string // of a payout
	disputes []*dispute
}

// State is where an operation stands, in no provider's words.
type State string

// The states.
const (
	Waiting  State = "waiting"  // for the payer
	Approved State = "approved" // PayPal: to be captured
	Pending  State = "pending"
	Done     State = "done"
	Failed   State = "failed"
	Canceled State = "canceled"
)

type dispute struct {
	ref    string
	charge *Operation
	amount int64
	status string // open, won, lost
}

// book is all that happened.
type book struct {
	operations []*Operation
	disputes   []*dispute
	counter    int
}

func (s *Side) fresh(prefix string) string {
	s.book.counter++
	return fmt.Sprintf("%s_%s%06d", prefix, s.name[:1], s.book.counter)
}

func (s *Side) add(o *Operation) *Operation {
	o.CreatedAt = time.Now().UTC()
	s.book.operations = append(s.book.operations, o)
	return o
}

func (s *Side) byRef(kind, ref string) *Operation {
	for _, o := range s.book.operations {
		if o.Kind == kind && (o.Ref == ref || o.capture != "" && o.capture == ref) {
			return o
		}
	}
	return nil
}

// Truth is what really happened so far.
func (s *Side) Truth() []Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Operation, len(s.book.operations))
	for i, o := range s.book.operations {
		all[i] = *o
	}
	return all
}

// Moved is how much moved for a payment of ours, in minor units, and how often.
func (s *Side) Moved(paymentID string) (amount int64, times int) {
	for _, o := range s.Truth() {
		if o.PaymentID == paymentID && o.State == Done {
			amount += o.Amount
			times++
		}
	}
	return amount, times
}

// charge finds the newest charge of a payment that is in one of the states.
func (s *Side) charge(paymentID string, states ...State) (*Operation, error) {
	for i := len(s.book.operations) - 1; i >= 0; i-- {
		o := s.book.operations[i]
		if o.Kind != "charge" || o.PaymentID != paymentID {
			continue
		}
		for _, state := range states {
			if o.State == state {
				return o, nil
			}
		}
	}
	return nil, errNotThere
}

// PayersAct makes every payer pay, or approve, as soon as they are asked.
func (s *Side) PayersAct(at bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auto = at
}

// Pay is the payer of a payment paying (Stripe) or approving it (PayPal).
func (s *Side) Pay(paymentID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.charge(paymentID, Waiting)
	if err != nil {
		return err
	}
	s.pay(o)
	return nil
}

func (s *Side) pay(o *Operation) {
	if s.name == "paypal" {
		o.State = Approved
		s.tell("CHECKOUT.ORDER.APPROVED", o, nil)
		return
	}
	o.State = Done
	s.tell("payment_intent.succeeded", o, nil)
}

// Decline is the payer's bank refusing.
func (s *Side) Decline(paymentID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.charge(paymentID, Waiting)
	if err != nil {
		return err
	}
	o.failure = code
	s.tell("payment_intent.payment_failed", o, nil)
	return nil
}

// Hurry makes operations that were left pending done, or failed.
func (s *Side) Hurry(paymentID string, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.book.operations {
		if o.PaymentID == paymentID && o.State == Pending {
			o.State = Failed
			if done {
				o.State = Done
			}
		}
	}
}

// Dispute is the payer's bank taking money back. It returns the provider's id of the dispute.
func (s *Side) Dispute(paymentID string, amount int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.charge(paymentID, Done)
	if err != nil {
		return "", err
	}
	d := &dispute{ref: s.fresh("dp"), charge: o, amount: amount, status: "open"}
	o.disputes = append(o.disputes, d)
	s.book.disputes = append(s.book.disputes, d)
	s.tell(map[string]string{"stripe": "charge.dispute.created", "paypal": "CUSTOMER.DISPUTE.CREATED"}[s.name], o, d)
	return d.ref, nil
}

// CloseDispute ends a dispute.
func (s *Side) CloseDispute(ref string, won bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.book.disputes {
		if d.ref == ref {
			d.status = map[bool]string{true: "won", false: "lost"}[won]
			s.tell(map[string]string{"stripe": "charge.dispute.closed", "paypal": "CUSTOMER.DISPUTE.RESOLVED"}[s.name], d.charge, d)
			return nil
		}
	}
	return errNotThere
}

// RefundOutside gives a charge back past us, as somebody at the provider's own pages does.
func (s *Side) RefundOutside(paymentID string, amount int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.charge(paymentID, Done)
	if err != nil {
		return err
	}
	o.refunded += amount
	s.add(&Operation{Kind: "refund", Ref: s.fresh("re"), Amount: amount, Currency: o.Currency, State: Done, parent: o})
	return nil
}
