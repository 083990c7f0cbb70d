package auth_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/micropay/micropay/auth/adapters/rest"
)

// described holds openapi.yaml to the service: every answer that a test of this package gets is
// described there, and every described answer is got by one of them.
var described = newDescription()

// description maps "GET /auth/me 200" to whether it was seen.
type description struct {
	mu     sync.Mutex
	seen   map[string]bool
	routes map[string]bool
}

func newDescription() *description {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `yaml:"responses"`
		} `yaml:"paths"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(rest.OpenAPI)).Decode(&doc); err != nil {
		panic(err)
	}
	d := &description{seen: map[string]bool{}, routes: map[string]bool{}}
	for path, methods := range doc.Paths {
		for method, operation := range methods {
			route := strings.ToUpper(method) + " " + path
			d.routes[route] = true
			for status := range operation.Responses {
				d.seen[route+" "+status] = false
			}
		}
	}
	return d
}

// everywhere are the answers that the document describes once, for all operations.
var everywhere = map[int]bool{http.StatusRequestEntityTooLarge: true, http.StatusUnsupportedMediaType: true, http.StatusServiceUnavailable: true}

func (d *description) note(t *testing.T, r *http.Request, a answer) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	route := r.Method + " " + r.URL.Path
	if !d.routes[route] {
		return
	}
	key := route + " " + strconv.Itoa(a.Status)
	if _, known := d.seen[key]; !known && !everywhere[a.Status] {
		t.Errorf("%s is answered, but openapi.yaml does not describe it: %s", key, a.Raw)
	}
	d.seen[key] = true
}

func (d *description) complete() bool {
	if run := flag.Lookup("test.run").Value.String(); run != "" || flag.Lookup("test.list").Value.String() != "" {
		return true // only some tests ran
	}
	whole := true
	for key, seen := range d.seen {
		if !seen {
			fmt.Fprintln(os.Stderr, "openapi.yaml describes an answer that no test got:", key)
			whole = false
		}
	}
	return whole
}

func TestOpenAPI_EveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for route := range described.routes {
		method, path, _ := strings.Cut(route, " ")
		a := s.call(method, path, "", nil)
		require.NotEqual(t, http.StatusNotFound, a.Status, route)
		require.NotEqual(t, http.StatusMethodNotAllowed, a.Status, route)
	}
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

func privatePEM(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
