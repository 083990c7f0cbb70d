package apidocs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// Handler answers /openapi.json, and /docs with a page that shows it.
func Handler(info Info, documents ...[]byte) (http.Handler, error) {
	document, err := Merge(info, documents...)
	if err != nil {
		return nil, err
	}
	page := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: info.Title, SwaggerJSON: "/openapi.json", BasePath: "/docs/",
		SettingsUI: map[string]string{"tryItOutEnabled": "true"},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document) // a client that left does not hear it
	})
	mux.Handle("GET /docs", page)
	mux.Handle("GET /docs/", page)
	return secured(policyFor(page), mux), nil
}

// secured lets the page load its own files and nothing else; nobody may frame it.
func secured(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// policyFor allows the scripts that stand in the page by their digests, so that none that is put
// there later runs. The page's styles are set from script; they cannot be listed.
func policyFor(page http.Handler) string {
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/docs/", nil))
	scripts := []string{"script-src 'self'"}
	for _, inline := range inlineScript.FindAllStringSubmatch(w.Body.String(), -1) {
		digest := sha256.Sum256([]byte(inline[1]))
		scripts = append(scripts, fmt.Sprintf("'sha256-%s'", base64.StdEncoding.EncodeToString(digest[:])))
	}
	return strings.Join([]string{
		"default-src 'none'", strings.Join(scripts, " "), "style-src 'self' 'unsafe-inline'",
		"img-src 'self' data:", "font-src 'self' data:", "connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
}
