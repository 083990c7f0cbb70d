package domain

import "time"

// A Throttle slows down guessing at one account: Free failures cost nothing, then each further
// attempt must wait First, doubled with every failure, up to Longest. Nobody is locked out for
// good, and Forget after the last failure all is forgotten.
type Throttle struct {
	Free    int
	First   time.Duration
	Longest time.Duration
	Forget  time.Duration
}

// Failures is what is remembered of an account: failed attempts since the last success.
type Failures struct {
	Count int
	Last  time.Time
}

// Wait is how long after now the next attempt is judged; zero: at once. Until then even the
// right password is refused.
func (t Throttle) Wait(f Failures, now time.Time) time.Duration {
	return max(0, f.Last.Add(t.delay(f.Count)).Sub(now))
}

func (t Throttle) delay(failures int) time.Duration {
	if failures < t.Free {
		return 0
	}
	delay := t.First
	for range failures - t.Free {
		if delay >= t.Longest {
			break
		}
		delay *= 2
	}
	return min(delay, t.Longest)
}

// Fail is what is remembered after one more failed attempt at now.
func (t Throttle) Fail(f Failures, now time.Time) Failures {
	if now.Sub(f.Last) >= t.Forget {
		f.Count = 0
	}
	return Failures{Count: f.Count + 1, Last: now}
}
