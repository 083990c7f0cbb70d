package audit_test

import "testing"

func topUpOf(b *books) []any      { return []any{b.topup} }
func secondOf(b *books) []any     { return []any{b.second} }
func withdrawalOf(b *books) []any { return []any{b.withdrawal} }

func TestAPaymentThatSucceededMovedItsMoneyOnce(t *testing.T) {
	t.Parallel()
	finds(t, "payment-transfer",
		corruption{"credit lost", `DELETE FROM transfer WHERE id = $1`, func(b *books) []any { return []any{b.credit} }},
		corruption{"another amount", `UPDATE payment SET amount = amount + 1 WHERE id = $1`, topUpOf},
		corruption{"by what is no credit", `UPDATE payment SET transfer_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.topup, b.first} }},
		corruption{"not known as succeeded", `UPDATE payment SET status = 'processing' WHERE id = $1`, topUpOf},
		corruption{"another's wallet", `UPDATE payment SET account_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.withdrawal, b.to} }},
		corruption{"the wrong way", `UPDATE payment SET kind = 'topup' WHERE id = $1`, withdrawalOf},
	)
}

func TestAProvidersMoneyBelongsToAPayment(t *testing.T) {
	t.Parallel()
	finds(t, "transfer-payment",
		corruption{"no payment", `DELETE FROM payment WHERE id = $1`, topUpOf},
		corruption{"another's", `UPDATE payment SET transfer_id = NULL, status = 'failed' WHERE id = $1`, withdrawalOf},
		corruption{"a fee of nothing", `UPDATE payment SET fee_transfer_id = NULL WHERE id = $1`, secondOf},
	)
}

func TestAFeeIsTakenWithItsPayment(t *testing.T) {
	t.Parallel()
	finds(t, "payment-fee",
		corruption{"not taken", `UPDATE payment SET fee_transfer_id = NULL WHERE id = $1`, secondOf},
		corruption{"another amount", `UPDATE payment SET fee = fee + 1 WHERE id = $1`, secondOf},
		corruption{"for nothing", `UPDATE payment SET fee_transfer_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.topup, b.first} }},
	)
}

func TestRefundsAddUpToWhatWasGivenBack(t *testing.T) {
	t.Parallel()
	finds(t, "refunds",
		corruption{"said, not done", `UPDATE payment SET refunded = refunded + 1 WHERE id = $1`, secondOf},
		corruption{"of another", `UPDATE payment SET parent_id = $2 WHERE id = $1`, func(b *books) []any { return []any{b.refund, b.topup} }},
		corruption{"failed all the same", `UPDATE payment SET status = 'failed', transfer_id = NULL WHERE id = $1`, func(b *books) []any { return []any{b.refund} }},
	)
}

func TestALogTellsHowAPaymentGotItsStatus(t *testing.T) {
	t.Parallel()
	finds(t, "payment-log",
		corruption{"nothing logged", `DELETE FROM payment_transition WHERE payment_id = $1`, topUpOf},
		corruption{"another end", `UPDATE payment_transition SET to_status = 'failed' WHERE payment_id = $1 AND seq = 2`, topUpOf},
		corruption{"a gap", `UPDATE payment_transition SET from_status = 'processing' WHERE payment_id = $1 AND seq = 2`, topUpOf},
		corruption{"a number left out", `UPDATE payment_transition SET seq = 5 WHERE payment_id = $1 AND seq = 2`, topUpOf},
		corruption{"what cannot be", `INSERT INTO payment_transition (payment_id, seq, from_status, to_status, cause) VALUES
			($1, 3, 'succeeded', 'failed', 'x'), ($1, 4, 'failed', 'succeeded', 'x')`, topUpOf},
	)
}

func TestWhatIsHeldIsWhatPendingHoldsAddUpTo(t *testing.T) {
	t.Parallel()
	pending := func(b *books) []any { return []any{b.pending} }
	finds(t, "held",
		corruption{"another sum", `UPDATE account SET held = held + 1 WHERE id = $1`, func(b *books) []any { return []any{b.from} }},
		corruption{"ended and not let go", `UPDATE hold SET status = 'voided' WHERE id = $1`, pending},
		corruption{"lost", `DELETE FROM hold WHERE id = $1`, pending},
	)
}

func TestAHoldEndsAsItsTransferOrPayment(t *testing.T) {
	t.Parallel()
	captured := func(b *books) []any { return []any{b.captured} }
	finds(t, "hold-end",
		corruption{"another amount", `UPDATE hold SET captured = captured - 1 WHERE id = $1`, captured},
		corruption{"posted and not captured", `UPDATE hold SET status = 'voided', captured = 0 WHERE id = $1`, captured},
		corruption{"captured and not posted", `UPDATE hold SET status = 'captured', captured = 20 WHERE id = $1`, func(b *books) []any { return []any{b.pending} }},
		corruption{"paid and let go", `UPDATE hold SET status = 'voided', captured = 0 WHERE id = (SELECT hold_id FROM payment WHERE id = $1)`, withdrawalOf},
		corruption{"failed and kept", `UPDATE payment SET status = 'failed', transfer_id = NULL WHERE id = $1`, withdrawalOf},
	)
}

func TestWhatDisputesCostIsOwed(t *testing.T) {
	t.Parallel()
	dispute := func(b *books) []any { return []any{b.dispute} }
	finds(t, "receivable",
		corruption{"said, not paid", `UPDATE dispute SET recovered = recovered + 1 WHERE id = $1`, dispute},
		corruption{"forgotten", `DELETE FROM dispute WHERE id = $1`, dispute},
		corruption{"won all the same", `UPDATE dispute SET status = 'won' WHERE id = $1`, dispute},
	)
}
