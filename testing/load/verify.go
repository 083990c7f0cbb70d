package load

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// Verdict is what became of all that was answered.
type Verdict struct {
	Transfers int `json:"transfers"` // asked for again
	Lost      int `json:"lost"`      // answered, and not there
	Wrong     int `json:"wrong"`     // wallets whose balance is not what the answers say
}

// Verify asks for every transfer that was answered and for every balance. Error: it could not.
func (l *Load) Verify(ctx context.Context) (Verdict, error) {
	var v Verdict
	var mu sync.Mutex
	var fault error
	var asking sync.WaitGroup
	for _, c := range l.clients {
		asking.Go(func() {
			mine, err := c.verify(ctx, l.received(c))
			mu.Lock()
			defer mu.Unlock()
			v.Transfers, v.Lost, v.Wrong = v.Transfers+mine.Transfers, v.Lost+mine.Lost, v.Wrong+mine.Wrong
			if err != nil {
				fault = err
			}
		})
	}
	asking.Wait()
	return v, fault
}

// received is how much the others were told that they paid c.
func (l *Load) received(c *client) (n int) {
	for _, other := range l.clients {
		if other.neighbour == c {
			n += len(other.answered)
		}
	}
	return n
}

func (c *client) verify(ctx context.Context, received int) (v Verdict, err error) {
	for _, id := range c.answered {
		v.Transfers++
		var lost bool
		err := c.until(ctx, func() error {
			err := c.call(http.MethodGet, "/transaction/transfers/"+id, "", nil, http.StatusOK, nil)
			var answer unexpected
			lost = errors.As(err, &answer) && answer.status == http.StatusNotFound
			if lost {
				return nil
			}
			return err
		})
		if err != nil {
			return v, err
		}
		if lost {
			v.Lost++
		}
	}
	var read struct{ Balance struct{ Amount int } }
	if err := c.until(ctx, func() error {
		return c.call(http.MethodGet, "/transaction/wallets/"+c.wallet, "", nil, http.StatusOK, &read)
	}); err != nil {
		return v, err
	}
	if read.Balance.Amount != purse-len(c.answered)+received {
		v.Wrong++
	}
	return v, nil
}
