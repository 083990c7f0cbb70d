package load

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Load is what to send, and where the lines go. Each client has one person and one wallet, and in
// turn pays its neighbour, reads its wallet, pays again, and asks who it is.
type Load struct {
	URL     string
	Clients int
	Every   time.Duration // between the calls of one client
	Timeout time.Duration // of one request, its answer included
	Out     io.Writer     // JSON lines: one for each second, one for each failed request

	clients []*client
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	began   time.Time
	second  int // of the bucket being filled
	bucket  bucket
	sum     Summary
	first   time.Duration // of the failures
	last    time.Duration
	latency []time.Duration // of this second
}

// Summary is what a load saw. FailedFor is from the first failed request to the last.
type Summary struct {
	Sent        int           `json:"sent"`
	Failed      int           `json:"failed"`
	Transfers   int           `json:"transfers"` // answered
	Connections int           `json:"connections"`
	Seconds     float64       `json:"seconds"`
	FailedFor   time.Duration `json:"failed_for_ns"`
	P50         float64       `json:"p50_ms"`
	P99         float64       `json:"p99_ms"`
}

// bucket is one second, as a line.
type bucket struct {
	Second int     `json:"second"`
	Sent   int     `json:"sent"`
	Failed int     `json:"failed"`
	P99    float64 `json:"p99_ms"`
}

// failure is one failed request, as a line.
type failure struct {
	At    float64 `json:"at"` // seconds
	Call  string  `json:"call"`
	Error string  `json:"error"`
}

// toldFailures is how many are written one by one; all are counted.
const toldFailures = 300

// Prepare registers the people, opens the wallets and tops them up.
func (l *Load) Prepare(ctx context.Context) error {
	for range l.Clients {
		c := &client{load: l, http: &fasthttp.Client{
			MaxConnsPerHost: 1, MaxIdemponentCallAttempts: 1, ReadTimeout: l.Timeout, WriteTimeout: l.Timeout,
			MaxIdleConnDuration: time.Minute, RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		}}
		c.http.Dial = c.dial
		if err := c.join(ctx); err != nil {
			return err
		}
		l.clients = append(l.clients, c)
	}
	return nil
}

// Start lets the clients work until Stop, or the end of ctx.
func (l *Load) Start(ctx context.Context) {
	l.ctx, l.stop = context.WithCancel(ctx)
	l.began = time.Now()
	for i, c := range l.clients {
		c.neighbour = l.clients[(i+1)%len(l.clients)]
		l.running.Go(func() { c.work(l.ctx) })
	}
}

// Sent is how many requests were sent so far.
func (l *Load) Sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum.Sent
}

// Failed is how many of them failed so far, and when the last one did, since Start.
func (l *Load) Failed() (n int, last time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum.Failed, l.last
}

// Elapsed is the time since Start.
func (l *Load) Elapsed() time.Duration { return time.Since(l.began) }

// Stop ends the clients when each knows what became of its last request.
func (l *Load) Stop() Summary {
	l.stop()
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	l.sum.Seconds = time.Since(l.began).Seconds()
	l.sum.FailedFor = l.last - l.first
	var all []time.Duration
	for _, c := range l.clients {
		l.sum.Transfers += len(c.answered)
		l.sum.Connections += int(c.dialed.Load())
		all = append(all, c.latencies...)
	}
	l.sum.P50, l.sum.P99 = percentile(all, 50), percentile(all, 99)
	return l.sum
}

// count takes the outcome of one request.
func (l *Load) count(call string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := time.Since(l.began)
	if second := int(at.Seconds()); second != l.second {
		l.flush()
		l.second = second
	}
	l.sum.Sent++
	l.bucket.Sent++
	l.latency = append(l.latency, took)
	if err == nil {
		return
	}
	if l.sum.Failed == 0 {
		l.first = at - took
	}
	l.last = at
	l.sum.Failed++
	l.bucket.Failed++
	if l.sum.Failed <= toldFailures {
		l.tell(failure{At: at.Seconds(), Call: call, Error: err.Error()})
	}
}

// flush writes the second that is over.
func (l *Load) flush() {
	if l.bucket.Sent == 0 {
		return
	}
	l.bucket.Second, l.bucket.P99 = l.second, percentile(l.latency, 99)
	l.tell(l.bucket)
	l.bucket, l.latency = bucket{}, nil
}

func (l *Load) tell(line any) {
	if l.Out != nil {
		_ = json.NewEncoder(l.Out).Encode(line) // the counts do not depend on it
	}
}

// percentile is in milliseconds.
func percentile(all []time.Duration, p int) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[(len(all)-1)*p/100].Microseconds()) / 1000
}
