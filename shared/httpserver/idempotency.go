package httpserver

import (
	"net/http"
	"strings"

	"github.com/micropay/micropay/shared/problem"
)

// IdempotencyKeyHeader names the header that makes a request safe to repeat.
// Source: draft-ietf-httpapi-idempotency-key-header-07.
const IdempotencyKeyHeader = "Idempotency-Key"

// IdempotencyKey reads the key: 1 to 255 visible ASCII characters without comma and quote. The
// quoted form of the draft, "k", is the key k.
//
// Errors are problems: 400 idempotency_key_missing, 400 idempotency_key_invalid (also for two
// headers).
func IdempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values(IdempotencyKeyHeader)
	if len(values) == 0 {
		return "", problem.New(http.StatusBadRequest, "idempotency_key_missing",
			"a request that moves money needs an Idempotency-Key header")
	}
	key, ok := parseKey(values[0])
	if !ok || len(values) > 1 {
		return "", problem.New(http.StatusBadRequest, "idempotency_key_invalid",
			"the Idempotency-Key must be one value of 1 to 255 visible ASCII characters without comma or quote")
	}
	return key, nil
}

func parseKey(s string) (string, bool) {
	if len(s) > 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if len(s) < 1 || len(s) > 255 {
		return "", false
	}
	outside := func(c rune) bool { return c <= ' ' || c > '~' || c == ',' || c == '"' }
	return s, strings.IndexFunc(s, outside) < 0
}
