package resilience

import "net/http"

func newTransport(c Config) http.RoundTripper { return c.Transport }
