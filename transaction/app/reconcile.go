package app

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// ErrNoStatements says that a provider keeps no list of what it did.
var ErrNoStatements = errors.New("the provider keeps no statements")

// DifferenceKind says in which way a provider's list and ours differ.
type DifferenceKind string

// The kinds of differences.
const (
	MissingHere  DifferenceKind = "missing_here"  // the provider has what we do not know
	MissingThere DifferenceKind = "missing_there" // we have what the provider does not list
	OtherAmount  DifferenceKind = "amount"
	OtherStatus  DifferenceKind = "status"    // the money moved on one side only
	Doubled      DifferenceKind = "duplicate" // the provider moved it more than once
)

// Difference is one line in which a provider's list and ours differ. The side that has nothing
// is the zero value.
type Difference struct {
	Kind   DifferenceKind
	Ours   domain.Payment
	Theirs ports.Operation
}

// Reconciliation is what comparing a day brought.
type Reconciliation struct {
	Provider    string
	Day         time.Time // its beginning, UTC
	Compared    int       // payments and operations of the day, each pair once
	Differences []Difference
}

// margin is how far apart the two sides' clocks, and storing an intent and asking for it, may lie:
// what is at one side of midnight here may be at the other side there.
const margin = time.Hour

// Reconcile compares a provider's list of a day (UTC) with ours and returns what differs. It
// changes nothing. seen is told how many operations have been read.
//
// Errors: domain.ErrProviderUnknown, ErrNoStatements, and that of a list that broke off.
func (a *App) Reconcile(ctx context.Context, provider string, day time.Time, seen func(n int)) (Reconciliation, error) {
	day = day.UTC().Truncate(24 * time.Hour)
	r := Reconciliation{Provider: provider, Day: day}
	p, known := a.Providers[provider]
	switch {
	case !known:
		return r, domain.ErrProviderUnknown
	case p.Statements == nil:
		return r, ErrNoStatements
	}
	end := day.Add(24 * time.Hour)
	var theirs []ports.Operation
	for op, err := range p.Statements.Operations(ctx, day.Add(-margin), end.Add(margin)) {
		if err != nil {
			return r, err
		}
		theirs = append(theirs, op)
		seen(len(theirs))
	}
	ours, err := a.oursOf(ctx, provider, theirs, day, end)
	if err != nil {
		return r, err
	}
	r.compare(theirs, ours, day, end)
	return r, nil
}

// oursOf returns our payments that the provider names or that we made on the day, by id.
func (a *App) oursOf(ctx context.Context, provider string, theirs []ports.Operation, from, to time.Time) (map[domain.PaymentID]domain.Payment, error) {
	var named []domain.PaymentID
	for _, op := range theirs {
		if op.Payment != "" {
			named = append(named, op.Payment)
		}
	}
	ours := map[domain.PaymentID]domain.Payment{}
	found, err := a.Payments.ByID(ctx, provider, named)
	if err != nil {
		return nil, err
	}
	made, err := a.Payments.Between(ctx, provider, from, to)
	if err != nil {
		return nil, err
	}
	for _, p := range append(found, made...) {
		ours[p.ID] = p
	}
	return ours, nil
}

func (r *Reconciliation) compare(theirs []ports.Operation, ours map[domain.PaymentID]domain.Payment, from, to time.Time) {
	within := func(t time.Time) bool { return !t.Before(from) && t.Before(to) }
	listed, moved := map[domain.PaymentID]bool{}, map[domain.PaymentID]bool{}
	for _, op := range theirs {
		p, known := ours[op.Payment]
		again := known && moved[op.Payment] && op.Status == domain.PaymentSucceeded
		listed[op.Payment] = known
		moved[op.Payment] = moved[op.Payment] || op.Status == domain.PaymentSucceeded
		if !within(op.CreatedAt) && (!known || !within(p.CreatedAt)) {
			continue
		}
		r.Compared++
		kind := differ(p, known, op)
		if again {
			kind = Doubled
		}
		if kind != "" {
			r.Differences = append(r.Differences, Difference{kind, p, op})
		}
	}
	for id, p := range ours {
		if listed[id] || !within(p.CreatedAt) {
			continue
		}
		r.Compared++
		if p.Status.Settled() {
			r.Differences = append(r.Differences, Difference{Kind: MissingThere, Ours: p})
		}
	}
	slices.SortFunc(r.Differences, func(x, y Difference) int {
		return cmp.Or(cmp.Compare(x.Ours.ID, y.Ours.ID), cmp.Compare(x.Theirs.Ref, y.Theirs.Ref))
	})
}

// differ compares what matters: whether money moved, and how much.
func differ(p domain.Payment, known bool, op ports.Operation) DifferenceKind {
	moved := op.Status == domain.PaymentSucceeded
	switch {
	case !known && moved:
		return MissingHere
	case !known:
		return ""
	case !p.Wants(op.Amount):
		return OtherAmount
	case moved != p.Status.Settled():
		return OtherStatus
	}
	return ""
}
