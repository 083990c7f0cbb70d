package stripe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

func TestStripe_Statement_IsReadPageByPageAsFarAsWanted(t *testing.T) {
	t.Parallel()
	b := &busy{every: 10, wanted: payment(domain.PaymentTopUp)}
	to := time.Now()
	from := to.Add(-2500 * time.Second)
	p := b.open(t)
	for op, err := range p.Operations(t.Context(), from, to) {
		require.NoError(t, err)
		require.Equal(t, domain.PaymentTopUp, op.Kind)
		break
	}
	require.EqualValues(t, 1, b.pages.Load(), "nobody wanted more")

	seen := map[string]bool{}
	for op, err := range p.Operations(t.Context(), from, to) {
		if err != nil {
			break // this Stripe has nothing but payment intents
		}
		require.False(t, seen[op.Ref], op.Ref)
		require.WithinRange(t, op.CreatedAt, from.Truncate(time.Second), to)
		seen[op.Ref] = true
	}
	require.InDelta(t, 250, len(seen), 1)
}

func TestStripe_Statement_ThatCannotBeRead_SaysSo(t *testing.T) {
	t.Parallel()
	for _, change := range []map[string]any{{"status": "unheard_of"}, {"currency": "isk", "amount_received": 5}, {"object": "charge"}, {"id": ""}} {
		list := `{"object":"list","has_more":false,"data":[` + answerTo(domain.PaymentTopUp, nil) + `,` + answerTo(domain.PaymentTopUp, change) + `]}`
		var got []ports.Operation
		var failed error
		for op, err := range says(t, 200, list).Operations(t.Context(), time.Now().Add(-time.Hour), time.Now()) {
			if err != nil {
				require.NoError(t, failed, "once")
				failed = err
				continue
			}
			got = append(got, op)
		}
		require.Error(t, failed, change)
		require.Len(t, got, 1)
		require.Equal(t, payment(domain.PaymentTopUp).ID, got[0].Payment)
	}
}
