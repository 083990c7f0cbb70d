package domain

import "slices"

// PaymentStatus is where a payment stands.
type PaymentStatus string

// A payment goes created -> requires_action -> processing -> succeeded, failed or canceled, and
// may leave steps out. A top-up that succeeded may be given back, in parts or whole, and be
// disputed by the payer's bank. The database holds every change to the same table
// (migrations/00004) and keeps a log of them.
const (
	PaymentCreated           PaymentStatus = "created"            // the intent is stored, the provider not yet heard
	PaymentRequiresAction    PaymentStatus = "requires_action"    // the payer has to pay or approve
	PaymentProcessing        PaymentStatus = "processing"         // the provider may have it, the outcome is open
	PaymentSucceeded         PaymentStatus = "succeeded"          // the money moved, there and in the ledger
	PaymentFailed            PaymentStatus = "failed"             // refused, nothing moved
	PaymentCanceled          PaymentStatus = "canceled"           // given up, nothing moved
	PaymentPartiallyRefunded PaymentStatus = "partially_refunded" // of a top-up: a part went back
	PaymentRefunded          PaymentStatus = "refunded"           // of a top-up: all of it went back
	PaymentDisputed          PaymentStatus = "disputed"           // of a top-up: the payer's bank wants it back, or took it
)

var nextStatuses = map[PaymentStatus][]PaymentStatus{
	PaymentCreated: {
		PaymentRequiresAction, PaymentProcessing, PaymentSucceeded, PaymentFailed, PaymentCanceled,
	},
	PaymentRequiresAction:    {PaymentProcessing, PaymentSucceeded, PaymentFailed, PaymentCanceled},
	PaymentProcessing:        {PaymentRequiresAction, PaymentSucceeded, PaymentFailed, PaymentCanceled},
	PaymentSucceeded:         {PaymentPartiallyRefunded, PaymentRefunded, PaymentDisputed},
	PaymentPartiallyRefunded: {PaymentRefunded, PaymentDisputed},
	PaymentRefunded:          {PaymentDisputed},
	PaymentDisputed:          {PaymentSucceeded, PaymentPartiallyRefunded, PaymentRefunded},
	PaymentFailed:            nil,
	PaymentCanceled:          nil,
}

// PaymentStatuses lists them all.
func PaymentStatuses() []PaymentStatus {
	return []PaymentStatus{
		PaymentCreated, PaymentRequiresAction, PaymentProcessing, PaymentSucceeded, PaymentFailed, PaymentCanceled,
		PaymentPartiallyRefunded, PaymentRefunded, PaymentDisputed,
	}
}

// CanBecome reports whether a payment in status s may go to next. Staying is always possible:
// providers repeat themselves.
func (s PaymentStatus) CanBecome(next PaymentStatus) bool {
	return s == next || slices.Contains(nextStatuses[s], next)
}

// Open reports whether it is not known yet whether the money moved.
func (s PaymentStatus) Open() bool {
	return s == PaymentCreated || s == PaymentRequiresAction || s == PaymentProcessing
}

// Settled reports whether the money moved, whatever became of it later.
func (s PaymentStatus) Settled() bool {
	return !s.Open() && s != PaymentFailed && s != PaymentCanceled
}
