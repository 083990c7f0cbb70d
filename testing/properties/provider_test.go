package properties_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// modelProvider is a payment provider as the port says it is, with its own truth, payers who may
// or may not act, and a line to it that fails now and then, before or after it has acted.
type modelProvider struct {
	mu      sync.Mutex
	random  *rand.Rand
	healed  bool
	charges map[domain.PaymentID]*charge
}

type charge struct {
	payment  domain.Payment
	status   domain.PaymentStatus
	approved bool
	times    int // that money moved
	refunded int64
	disputes []*domain.DisputeNotice
}

func newModelProvider(seed uint64) *modelProvider {
	return &modelProvider{random: rand.New(rand.NewPCG(seed, 1)), charges: map[domain.PaymentID]*charge{}}
}

var errLine = errors.New("the line broke")

// over makes a call over the bad line.
func (m *modelProvider) over(act func() (ports.Charge, error)) (ports.Charge, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fate := m.random.IntN(10)
	if m.healed {
		fate = 9
	}
	switch fate {
	case 0:
		return ports.Charge{}, ports.ErrNothingDone
	case 1:
		return ports.Charge{}, errLine
	case 2:
		_, _ = act()
		return ports.Charge{}, errLine
	}
	return act()
}

func (m *modelProvider) Start(_ context.Context, p domain.Payment) (ports.Charge, error) {
	return m.over(func() (ports.Charge, error) {
		c, known := m.charges[p.ID]
		if !known {
			c = &charge{payment: p, status: domain.PaymentRequiresAction}
			m.charges[p.ID] = c
			m.begin(c)
		}
		return c.said(), nil
	})
}

// begin is what becomes of a new payment.
func (m *modelProvider) begin(c *charge) {
	if c.payment.Kind == domain.PaymentTopUp {
		return // it waits for its payer
	}
	if top := m.charges[c.payment.Parent]; top != nil {
		if top.refunded+c.payment.Amount.Amount > top.payment.Amount.Amount {
			c.status = domain.PaymentFailed
			return
		}
		top.refunded += c.payment.Amount.Amount
	}
	switch m.random.IntN(5) {
	case 0:
		c.status = domain.PaymentProcessing
	case 1:
		c.fail(m)
	default:
		c.move()
	}
}

func (c *charge) move() { c.status, c.times = domain.PaymentSucceeded, c.times+1 }

func (c *charge) fail(m *modelProvider) {
	c.status = domain.PaymentFailed
	if top := m.charges[c.payment.Parent]; top != nil {
		top.refunded -= c.payment.Amount.Amount
	}
}

func (c *charge) said() ports.Charge {
	said := ports.Charge{Status: c.status, Approved: c.approved && c.status == domain.PaymentRequiresAction, ProviderRef: "ref " + string(c.payment.ID), Amount: c.payment.Amount}
	for _, d := range c.disputes {
		said.Disputes = append(said.Disputes, *d)
	}
	return said
}

func (m *modelProvider) Look(_ context.Context, p domain.Payment) (ports.Charge, error) {
	return m.over(func() (ports.Charge, error) {
		if c, known := m.charges[p.ID]; known {
			return c.said(), nil
		}
		return ports.Charge{}, ports.ErrNotKnown
	})
}

func (m *modelProvider) Capture(_ context.Context, p domain.Payment) (ports.Charge, error) {
	return m.over(func() (ports.Charge, error) {
		c := m.charges[p.ID]
		if c.approved && c.status == domain.PaymentRequiresAction {
			c.move()
		}
		return c.said(), nil
	})
}

func (m *modelProvider) Cancel(_ context.Context, p domain.Payment) (ports.Charge, error) {
	return m.over(func() (ports.Charge, error) {
		c := m.charges[p.ID]
		if c.status == domain.PaymentRequiresAction {
			c.status = domain.PaymentCanceled
		}
		return c.said(), nil
	})
}

func (m *modelProvider) Ready() (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Second, m.healed || m.random.IntN(20) > 0
}

// Verify believes every notification; the body is the payment's id.
func (m *modelProvider) Verify(_ context.Context, _ http.Header, body []byte) (ports.Notification, error) {
	return ports.Notification{EventID: uuid.NewString(), Type: "x", Payment: domain.PaymentID(body)}, nil
}

// world moves something at the provider that nobody here asked for, and returns the payment.
func (m *modelProvider) world() domain.PaymentID {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, c := range m.charges { // any
		m.happen(c)
		return id
	}
	return ""
}

func (m *modelProvider) happen(c *charge) {
	switch {
	case c.status == domain.PaymentRequiresAction && !c.approved:
		switch m.random.IntN(4) {
		case 0:
			c.approved = true // to be captured
		case 1:
			c.status = domain.PaymentCanceled
		default:
			c.move()
		}
	case c.status == domain.PaymentProcessing && m.random.IntN(2) == 0:
		c.move()
	case c.status == domain.PaymentProcessing:
		c.fail(m)
	case c.status == domain.PaymentSucceeded && c.payment.Kind == domain.PaymentTopUp && len(c.disputes) == 0 && m.random.IntN(3) == 0:
		c.disputes = append(c.disputes, &domain.DisputeNotice{
			Ref: uuid.NewString(), Amount: money.Money{Amount: 1 + m.random.Int64N(c.payment.Amount.Amount), Currency: "USD"}, Status: domain.DisputeOpen,
		})
	case len(c.disputes) > 0 && c.disputes[0].Status == domain.DisputeOpen:
		c.disputes[0].Status = []domain.DisputeStatus{domain.DisputeWon, domain.DisputeLost}[m.random.IntN(2)]
	}
}

// heal ends all troubles, and lets everybody act who has not. It returns all payments.
func (m *modelProvider) heal() []domain.PaymentID {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.healed = true
	var ids []domain.PaymentID
	for id, c := range m.charges {
		for c.status.Open() && !c.approved {
			m.happen(c)
		}
		ids = append(ids, id)
	}
	return ids
}
