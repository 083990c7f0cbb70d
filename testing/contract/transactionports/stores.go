package transactionports

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/money"
	"github.com/micropay/micropay/transaction/domain"
	"github.com/micropay/micropay/transaction/ports"
)

// run runs each test in parallel in a world of its own.
func run(t *testing.T, open func(t *testing.T) Stores, tests map[string]func(*testing.T, world)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, world{open(t), t})
		})
	}
}

// RunWallets holds an implementation of ports.Wallets to its contract.
func RunWallets(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"a wallet is found by its owner only": func(t *testing.T, w world) {
			alice := w.person()
			id := w.wallet(alice, usd(5))
			found, err := w.Wallets.Find(t.Context(), alice, id)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), found.CreatedAt, time.Minute)
			require.Equal(t, time.UTC, found.CreatedAt.Location())
			found.CreatedAt = time.Time{}
			require.Equal(t, domain.Wallet{ID: id, Owner: alice, Name: "test", Status: domain.Active, Balance: usd(5), Held: usd(0)}, found)
			_, err = w.Wallets.Find(t.Context(), w.person(), id)
			require.ErrorIs(t, err, domain.ErrWalletNotFound)
		},
		"an owner has a limited number of open wallets": func(t *testing.T, w world) {
			alice := w.person()
			first := w.wallet(alice, usd(0))
			second := domain.Wallet{ID: domain.WalletID(newID()), Owner: alice, Name: "x", Balance: usd(0)}
			require.ErrorIs(t, w.Wallets.Add(t.Context(), second, 1), domain.ErrWalletLimit)
			w.change(alice, first, func(x *domain.Wallet) error { return x.Close() })
			require.NoError(t, w.Wallets.Add(t.Context(), second, 1), "closed ones do not count")
			all, err := w.Wallets.All(t.Context(), alice)
			require.NoError(t, err)
			require.Len(t, all, 2)
			require.Equal(t, first, all[0].ID, "oldest first, closed ones too")
		},
		"the first wallet is made once": func(t *testing.T, w world) {
			alice := w.person()
			for range 2 {
				require.NoError(t, w.Wallets.AddDefault(t.Context(), domain.Wallet{ID: domain.WalletID(newID()), Owner: alice, Name: "USD", Balance: usd(0)}))
			}
			all, err := w.Wallets.All(t.Context(), alice)
			require.NoError(t, err)
			require.Len(t, all, 1)
		},
		"money is received in the first active wallet of its currency": func(t *testing.T, w world) {
			alice := w.person()
			_, err := w.Wallets.Receiving(t.Context(), alice, "USD")
			require.ErrorIs(t, err, domain.ErrWalletNotFound)
			w.wallet(alice, money.Money{Currency: "EUR"})
			first, second := w.wallet(alice, usd(0)), w.wallet(alice, usd(0))
			id, err := w.Wallets.Receiving(t.Context(), alice, "USD")
			require.NoError(t, err)
			require.Equal(t, first, id)
			w.change(alice, first, func(x *domain.Wallet) error { return x.SetStatus(domain.Frozen) })
			id, err = w.Wallets.Receiving(t.Context(), alice, "USD")
			require.NoError(t, err)
			require.Equal(t, second, id)
		},
		"a refused change stores nothing": func(t *testing.T, w world) {
			alice, boom := w.person(), errors.New("boom")
			id := w.wallet(alice, usd(0))
			_, err := w.Wallets.Change(t.Context(), alice, id, func(x *domain.Wallet, _ bool) error {
				x.Name = "changed"
				return boom
			})
			require.ErrorIs(t, err, boom)
			found, err := w.Wallets.Find(t.Context(), alice, id)
			require.NoError(t, err)
			require.Equal(t, "test", found.Name)
			_, err = w.Wallets.Change(t.Context(), w.person(), id, nil)
			require.ErrorIs(t, err, domain.ErrWalletNotFound)
		},
		"a change knows of open payments, holds and disputes": func(t *testing.T, w world) {
			alice := w.person()
			pending := func(id domain.WalletID) (pending bool) {
				_, err := w.Wallets.Change(t.Context(), alice, id, func(_ *domain.Wallet, p bool) error {
					pending = p
					return nil
				})
				require.NoError(t, err)
				return pending
			}
			quiet, toppedUp, held := w.wallet(alice, usd(5)), w.wallet(alice, usd(0)), w.wallet(alice, usd(5))
			w.intent(alice, toppedUp, usd(5))
			w.hold(alice, held, w.wallet(w.person(), usd(0)), usd(5))
			disputed := w.wallet(alice, usd(0))
			w.disputed(alice, disputed, usd(5))
			require.Equal(t, []bool{false, true, true, true}, []bool{pending(quiet), pending(toppedUp), pending(held), pending(disputed)})
		},
		"a wallet says what is held": func(t *testing.T, w world) {
			alice := w.person()
			id := w.wallet(alice, usd(100))
			w.hold(alice, id, w.wallet(w.person(), usd(0)), usd(30))
			found, err := w.Wallets.Find(t.Context(), alice, id)
			require.NoError(t, err)
			require.Equal(t, []money.Money{usd(100), usd(30), usd(70)}, []money.Money{found.Balance, found.Held, found.Available()})
		},
		"an owner leaves when all wallets are closed, and opens no more": func(t *testing.T, w world) {
			alice := w.person()
			id := w.wallet(alice, usd(0))
			require.ErrorIs(t, w.Wallets.CloseOwner(t.Context(), alice), domain.ErrWalletsNotClosed)
			w.change(alice, id, func(x *domain.Wallet) error { return x.Close() })
			require.NoError(t, w.Wallets.CloseOwner(t.Context(), alice))
			require.NoError(t, w.Wallets.CloseOwner(t.Context(), alice), "leaving twice is leaving once")
			late := domain.Wallet{ID: domain.WalletID(newID()), Owner: alice, Name: "x", Balance: usd(0)}
			require.ErrorIs(t, w.Wallets.Add(t.Context(), late, 10), domain.ErrOwnerClosed)
			require.ErrorIs(t, w.Wallets.AddDefault(t.Context(), late), domain.ErrOwnerClosed)
		},
	})
}

// RunHistory holds implementations of ports.History and ports.Transfers to their contract.
func RunHistory(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"pages walk every entry once, newest first, over all wallets": func(t *testing.T, w world) {
			alice, bob := w.person(), w.person()
			a, b := w.wallet(alice, usd(100)), w.wallet(alice, usd(100))
			to := w.wallet(bob, usd(0))
			for i := range 9 {
				w.post(transfer(alice, []domain.WalletID{a, b}[i%2], to, usd(1)), transfer(alice, a, b, usd(1)))
			}
			for _, limit := range []int{1, 4, 7, 100} {
				var seen []domain.Entry
				q := ports.EntryQuery{Owner: alice, Limit: limit}
				for {
					page, err := w.History.Entries(t.Context(), q)
					require.NoError(t, err)
					seen = append(seen, page...)
					if len(page) < limit {
						break
					}
					last := page[len(page)-1]
					q.After = &ports.EntryPosition{At: last.CreatedAt, Wallet: last.Wallet, Seq: last.Seq}
				}
				require.Len(t, seen, 2+9+18)
				for i := 1; i < len(seen); i++ {
					require.False(t, seen[i].CreatedAt.After(seen[i-1].CreatedAt))
				}
			}
			one, err := w.History.Entries(t.Context(), ports.EntryQuery{Owner: alice, Wallet: b, Limit: 100})
			require.NoError(t, err)
			require.Len(t, one, 1+4+9)
			require.EqualValues(t, len(one), one[0].Seq)
			none, err := w.History.Entries(t.Context(), ports.EntryQuery{Owner: w.person(), Wallet: b, Limit: 100})
			require.NoError(t, err)
			require.Empty(t, none, "only its owner's")
		},
		"an entry tells its transfer and the other side": func(t *testing.T, w world) {
			alice, bob := w.person(), w.person()
			from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
			p := transfer(alice, from, to, usd(30))
			at := w.post(p)[0].At
			es, err := w.History.Entries(t.Context(), ports.EntryQuery{Owner: alice, Limit: 10})
			require.NoError(t, err)
			require.Equal(t, domain.Entry{
				Wallet: from, Seq: 2, Amount: usd(-30), BalanceAfter: usd(70), CreatedAt: at, Transfer: p.ID,
				Kind: domain.KindTransfer, Description: p.Description, Counterparty: domain.Counterparty{Wallet: to},
			}, es[0])
			require.Equal(t, domain.Counterparty{Provider: "sandbox"}, es[1].Counterparty)
			read, err := w.Transfers.Find(t.Context(), p.ID)
			require.NoError(t, err)
			require.Equal(t, domain.Transfer{
				ID: p.ID, Kind: domain.KindTransfer, From: from, To: to, FromOwner: alice, ToOwner: bob, Amount: usd(30),
				Description: p.Description, Reversed: usd(0), CreatedAt: at,
			}, read)
			balance, err := w.Transfers.BalanceAfter(t.Context(), read, to)
			require.NoError(t, err)
			require.Equal(t, usd(30), balance)
		},
		"periods are half open and the past keeps its balance": func(t *testing.T, w world) {
			alice, bob := w.person(), w.person()
			from, to := w.wallet(alice, usd(100)), w.wallet(bob, usd(0))
			first := w.post(transfer(alice, from, to, usd(1)))[0].At
			second := w.post(transfer(alice, from, to, usd(2)))[0].At
			in := func(p domain.Period) (forth []int64) {
				es, err := w.History.Forward(t.Context(), from, p, 0, 100)
				require.NoError(t, err)
				for _, e := range es {
					forth = append(forth, e.Amount.Amount)
				}
				back, err := w.History.Entries(t.Context(), ports.EntryQuery{Owner: alice, Wallet: from, Period: p, Limit: 100})
				require.NoError(t, err)
				require.Len(t, back, len(forth))
				return forth
			}
			later := time.Now().Add(time.Hour)
			require.Equal(t, []int64{-1}, in(domain.Period{From: first, To: second}))
			require.Equal(t, []int64{-1, -2}, in(domain.Period{From: first, To: later}))
			require.Empty(t, in(domain.Period{From: second.Add(time.Microsecond), To: later}))
			after, err := w.History.Forward(t.Context(), from, domain.Period{From: first, To: later}, 2, 100)
			require.NoError(t, err)
			require.Len(t, after, 1)
			for _, c := range []struct {
				at        time.Time
				inclusive bool
				want      int64
			}{{first, false, 100}, {first, true, 99}, {second, true, 97}, {later, true, 97}, {first.Add(-time.Hour), true, 0}} {
				balance, err := w.History.BalanceAt(t.Context(), from, c.at, c.inclusive)
				require.NoError(t, err)
				require.Equal(t, c.want, balance)
			}
		},
	})
}

// RunRevocations holds an implementation of ports.RevocationStore to its contract.
func RunRevocations(t *testing.T, open func(t *testing.T) Stores) {
	run(t, open, map[string]func(*testing.T, world){
		"what is saved is loaded with its cursor, expired or not repeated": func(t *testing.T, w world) {
			now := time.Now().UTC().Truncate(time.Microsecond)
			live := ports.Revocation{Kind: "session", ID: newID(), RevokedAt: now, ExpiresAt: now.Add(time.Hour)}
			dead := ports.Revocation{Kind: "session", ID: newID(), RevokedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Hour)}
			heard, err := w.Revocations.Load(t.Context(), 0)
			require.NoError(t, err)
			require.Zero(t, heard)
			require.NoError(t, w.Revocations.Save(t.Context(), []ports.Revocation{live, dead, live}, "1"))
			later := live
			later.RevokedAt = now.Add(time.Second)
			require.NoError(t, w.Revocations.Save(t.Context(), []ports.Revocation{later}, "2"))
			heard, err = w.Revocations.Load(t.Context(), 0)
			require.NoError(t, err)
			require.Equal(t, "2", heard.Cursor)
			require.Len(t, heard.Revocations, 1)
			require.True(t, heard.Revocations[0].RevokedAt.Equal(later.RevokedAt))
		},
		"each replica hears of what another stored, once": func(t *testing.T, w world) {
			now := time.Now().UTC()
			first := ports.Revocation{Kind: "session", ID: newID(), RevokedAt: now, ExpiresAt: now.Add(time.Hour)}
			require.NoError(t, w.Revocations.Save(t.Context(), []ports.Revocation{first}, "1"))
			heard, err := w.Revocations.Load(t.Context(), 0)
			require.NoError(t, err)
			require.NoError(t, w.Revocations.Save(t.Context(), []ports.Revocation{first}, "1"), "nothing new")
			second := ports.Revocation{Kind: "user", ID: newID(), RevokedAt: now, ExpiresAt: now.Add(time.Hour)}
			require.NoError(t, w.Inbox.Once(t.Context(), newID(), "x", func(ctx context.Context, do ports.Effects) error {
				return do.Revoke(ctx, second)
			}))
			news, err := w.Revocations.Load(t.Context(), heard.Seq)
			require.NoError(t, err)
			require.Len(t, news.Revocations, 1)
			require.Equal(t, second.ID, news.Revocations[0].ID)
			require.Greater(t, news.Seq, heard.Seq)
			later := first
			later.RevokedAt = now.Add(time.Minute)
			require.NoError(t, w.Revocations.Save(t.Context(), []ports.Revocation{later}, "1"))
			news, err = w.Revocations.Load(t.Context(), news.Seq)
			require.NoError(t, err)
			require.Len(t, news.Revocations, 1, "one that changed is news")
		},
	})
}

// RunInbox holds an implementation of ports.Inbox to its contract.
func RunInbox(t *testing.T, open func(t *testing.T) Stores) {
	first := func(owner domain.OwnerID) domain.Wallet {
		return domain.Wallet{ID: domain.WalletID(newID()), Owner: owner, Name: "USD", Balance: usd(0)}
	}
	run(t, open, map[string]func(*testing.T, world){
		"an event has its effect once, however many come at once": func(t *testing.T, w world) {
			id, alice := newID(), w.person()
			var effects atomic.Int64
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					assert.NoError(t, w.Inbox.Once(t.Context(), id, "x", func(ctx context.Context, do ports.Effects) error {
						effects.Add(1)
						return do.AddDefault(ctx, first(alice))
					}))
				})
			}
			all.Wait()
			require.EqualValues(t, 1, effects.Load())
			wallets, err := w.Wallets.All(t.Context(), alice)
			require.NoError(t, err)
			require.Len(t, wallets, 1)
		},
		"an effect that fails leaves nothing, and the event may come again": func(t *testing.T, w world) {
			id, alice, boom := newID(), w.person(), errors.New("boom")
			do := func(result error) error {
				return w.Inbox.Once(t.Context(), id, "x", func(ctx context.Context, do ports.Effects) error {
					require.NoError(t, do.AddDefault(ctx, first(alice)))
					return result
				})
			}
			require.ErrorIs(t, do(boom), boom)
			wallets, err := w.Wallets.All(t.Context(), alice)
			require.NoError(t, err)
			require.Empty(t, wallets)
			require.NoError(t, do(nil))
			wallets, err = w.Wallets.All(t.Context(), alice)
			require.NoError(t, err)
			require.Len(t, wallets, 1)
		},
		"who left opens no more wallets": func(t *testing.T, w world) {
			alice := w.person()
			close := func() error {
				return w.Inbox.Once(t.Context(), newID(), "x", func(ctx context.Context, do ports.Effects) error { return do.CloseOwner(ctx, alice) })
			}
			id := w.wallet(alice, usd(0))
			require.ErrorIs(t, close(), domain.ErrWalletsNotClosed)
			w.change(alice, id, func(x *domain.Wallet) error { return x.Close() })
			require.NoError(t, close())
			require.NoError(t, close(), "twice is once")
			require.ErrorIs(t, w.Inbox.Once(t.Context(), newID(), "x", func(ctx context.Context, do ports.Effects) error {
				return do.AddDefault(ctx, first(alice))
			}), domain.ErrOwnerClosed)
		},
	})
}
