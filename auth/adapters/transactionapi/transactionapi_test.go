package transactionapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/auth/adapters/transactionapi"
	"github.com/micropay/micropay/auth/domain"
	"github.com/micropay/micropay/auth/ports"
	"github.com/micropay/micropay/testing/contract/authports"
)

func TestCloseOwner_TurnsAnswersIntoRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"closed":                 {http.StatusNoContent, "", nil},
		"not closed":             {http.StatusConflict, `{"code":"wallets_not_closed"}`, domain.ErrWalletsNotClosed},
		"another conflict":       {http.StatusConflict, `{"code":"something_else"}`, ports.ErrUnavailable},
		"a conflict of nonsense": {http.StatusConflict, `<html>`, ports.ErrUnavailable},
		"refused":                {http.StatusUnauthorized, `{"code":"unauthenticated"}`, ports.ErrUnavailable},
		"broken":                 {http.StatusInternalServerError, "", ports.ErrUnavailable},
		"200 is not 204":         {http.StatusOK, "{}", ports.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.EscapedPath() != "/internal/transaction/owners/u%2F1/close" {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			err := transactionapi.New(server.URL+"/", server.Client()).CloseOwner(t.Context(), "u/1")
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestCloseOwner_IsUnavailableWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := transactionapi.New(server.URL, http.DefaultClient).CloseOwner(t.Context(), "u1")
	require.ErrorIs(t, err, ports.ErrUnavailable)
	require.Error(t, transactionapi.New("http://bad host", http.DefaultClient).CloseOwner(t.Context(), "u1"))
}

func TestClient_KeepsTheContract(t *testing.T) {
	t.Parallel()
	authports.Wallets(t, func(t *testing.T, owner authports.Owner) ports.Wallets {
		t.Helper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if owner == authports.WalletsOpen {
				w.WriteHeader(http.StatusConflict)
				_, _ = w.Write([]byte(`{"code":"wallets_not_closed"}`))
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(server.Close)
		if owner == authports.NobodyAnswers {
			server.Close()
		}
		return transactionapi.New(server.URL, server.Client())
	})
}
