package httpserver

import (
	"hash/maphash"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/micropay/micropay/shared/problem"
)

// rateLimiter gives every client a token bucket: who shows a token by that token, everybody
// else by address. It bounds what one process spends on
// one client; a platform-wide quota belongs to the gateway in front.
type rateLimiter struct {
	perSecond, burst int
	trusted          []netip.Prefix
	seed             maphash.Seed
	mu               sync.Mutex
	buckets          *lru.Cache[string, *rate.Limiter]
}

// remembered is how many clients are told apart; the longest quiet is forgotten first.
const remembered = 100_000

func newRateLimiter(c Config) *rateLimiter {
	buckets, _ := lru.New[string, *rate.Limiter](remembered) // fails only for a size below 1
	return &rateLimiter{perSecond: c.RateLimit, burst: c.RateBurst, trusted: prefixes(c.TrustedProxies), seed: maphash.MakeSeed(), buckets: buckets}
}

func (l *rateLimiter) bucket(client string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets.Get(client)
	if !known {
		b = rate.NewLimiter(rate.Limit(l.perSecond), l.burst)
		l.buckets.Add(client, b)
	}
	return b
}

func (l *rateLimiter) client(r *http.Request) string {
	if shown := r.Header.Get("Authorization"); shown != "" {
		return strconv.FormatUint(maphash.String(l.seed, shown), 36)
	}
	return clientAddr(r, l.trusted)
}

// limit answers 429 to a client whose bucket is empty and tells everybody where they stand.
// Source of the headers: draft-ietf-httpapi-ratelimit-headers-06.
func (l *rateLimiter) limit(next http.Handler) http.Handler {
	if l.perSecond == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := l.bucket(l.client(r))
		allowed := b.Allow()
		left := b.Tokens()
		refill := time.Duration(max(0, 1-left) / float64(l.perSecond) * float64(time.Second))
		h := w.Header()
		h.Set("RateLimit-Limit", strconv.Itoa(l.burst))
		h.Set("RateLimit-Remaining", strconv.Itoa(max(0, int(left))))
		h.Set("RateLimit-Reset", strconv.Itoa(int((refill+time.Second-1)/time.Second)))
		if !allowed {
			p := problem.New(http.StatusTooManyRequests, "rate_limited", "too many requests from this client")
			p.RetryAfter = max(refill, time.Second)
			problem.Write(w, p)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func prefixes(cidrs []string) []netip.Prefix {
	var ps []netip.Prefix
	for _, cidr := range cidrs {
		if p, err := netip.ParsePrefix(cidr); err == nil { // Config.Validate has refused the others
			ps = append(ps, p)
		}
	}
	return ps
}

// ClientAddr is the address that a request came from. X-Forwarded-For counts only as far as
// trusted proxies wrote it: a client cannot give itself another address.
func (c Config) ClientAddr(r *http.Request) string { return clientAddr(r, prefixes(c.TrustedProxies)) }

func clientAddr(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(host, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = hop.String()
	}
	return host
}

func isTrusted(host string, trusted []netip.Prefix) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// cors lets pages of the allowed origins, and no others, read the answers. Credentials are
// never allowed: tokens travel in a header that a page sets itself.
func cors(allowed []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		h := w.Header()
		h.Add("Vary", "Origin")
		if origin == "" || !slices.Contains(allowed, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Location, Retry-After, Idempotency-Replayed, X-Request-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, X-Request-Id, Traceparent")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
