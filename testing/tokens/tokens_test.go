package tokens_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/tokens"
)

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body
}

func TestMint_IsSignedByThePublishedKey(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	raw := issuer.Mint(tokens.Subject("u1"), tokens.Session("s1"), tokens.Scope("a b"))
	parsed, err := jwt.Parse(raw, func(*jwt.Token) (any, error) { return &issuer.Key().PublicKey, nil }, jwt.WithIssuer(issuer.URL()))
	require.NoError(t, err)
	require.Equal(t, issuer.Kid(), parsed.Header["kid"])
	claims := parsed.Claims.(jwt.MapClaims)
	require.Equal(t, "u1", claims["sub"])
	require.Equal(t, "s1", claims["origin_jti"])
	require.Equal(t, "a b", claims["scope"])
	require.Equal(t, tokens.ClientID, claims["client_id"])
}

func TestJWKS_IsServedAndFollowsTheKey(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	before := issuer.Kid()
	issuer.Rotate()
	status, body := get(t, issuer.JWKSURL())
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, string(issuer.JWKS()), string(body))
	require.NotContains(t, string(body), `"`+before+`"`)
	require.NotContains(t, string(body), `"d"`, "the private half stays here")
	issuer.SetDown(true)
	status, _ = get(t, issuer.JWKSURL())
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, 2, issuer.Fetches())
}

func TestBad_EachFaultIsTheOneItsNameSays(t *testing.T) {
	t.Parallel()
	issuer := tokens.New(t)
	bad := issuer.Bad()
	require.GreaterOrEqual(t, len(bad), 40)
	header := func(name string) map[string]any {
		raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(bad[name], ".", 2)[0])
		require.NoError(t, err)
		var h map[string]any
		require.NoError(t, json.Unmarshal(raw, &h))
		return h
	}
	require.Equal(t, "nOnE", header("alg nOnE")["alg"])
	require.Equal(t, "HS256", header("HS256 with public PEM")["alg"])
	require.Equal(t, "RS512", header("alg swapped to RS512")["alg"])
	require.NotContains(t, header("no kid"), "kid")
	require.True(t, strings.HasSuffix(bad["signature stripped"], "."))
	require.NotEqual(t, bad["signature flipped"], issuer.Mint())
	key := func(*jwt.Token) (any, error) { return &issuer.Key().PublicKey, nil }
	for _, name := range []string{"foreign signature", "signature flipped", "payload changed", "jku"} {
		_, err := jwt.Parse(bad[name], key)
		require.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid, name)
	}
	_, err := jwt.Parse(bad["expired"], key)
	require.ErrorIs(t, err, jwt.ErrTokenExpired)
	_, err = jwt.Parse(bad["nbf in the future"], key)
	require.ErrorIs(t, err, jwt.ErrTokenNotValidYet)
	secret := func(*jwt.Token) (any, error) { return []byte("secret"), nil }
	_, err = jwt.Parse(bad["HS256 with weak key"], secret)
	require.NoError(t, err, "who trusted that secret would let it in")
	_, err = jwt.Parse(issuer.Mint(tokens.SignedAs(jwt.SigningMethodHS256, []byte("s")), tokens.NotBeforeIn(-time.Hour)), secret)
	require.ErrorIs(t, err, jwt.ErrTokenSignatureInvalid)
}
